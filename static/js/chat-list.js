// <chat-list open>: the chats beside the page, the last active on top, with what is unread. Rows come from the server
// ready-made, and are told of by "rows" with {chats}. What is unread in all that are not muted stands before the page's
// title, too, and on its icons.
import { Errand, piece } from "server";

const MOVING = ["message.created", "chat.created"];
const CHANGING = ["message.updated", "message.deleted", "read", "chat.updated", "membership.updated"];
// Not needed for the first look.
const LATER = ["chat-notices", "chat-announcer"];

class ChatList extends HTMLElement {
  #open = Number(this.getAttribute("open"));
  #due = new Set(); // ids of chats whose row is to be asked for
  #moved = new Set(); // in the order of their last activity
  #isStale = false;
  #renewal = new Errand(() => this.#renew());
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (types, act) => types.forEach((type) => document.addEventListener(type, ({ detail }) => act(detail.chat_id ?? detail.id, detail), { signal }));
    on(MOVING, (chat) => this.#change(chat, true));
    on(CHANGING, (chat) => this.#change(chat));
    on(["draft"], (chat) => chat !== this.#open && this.#change(chat));
    on(["chat.deleted"], (chat) => this.#remove(chat));
    on(["member.removed"], (chat, { user }) => user.id === this.#me && this.#remove(chat));
    on(["chat.updated"], (chat, { title }) => chat === this.#open && this.#rename(title));
    const all = () => {
      this.#isStale = true;
      this.#renewal.start();
    };
    document.addEventListener("reset", all, { signal });
    document.addEventListener("opened", ({ detail }) => this.#show(detail), { signal });
    addEventListener("focus", () => this.#settle(), { signal });
    document.addEventListener("connection", () => LATER.forEach((name) => import(name)), { once: true, signal });
    this.#settle();
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  // Another chat, or none, is open now.
  #show({ chat, title }) {
    this.#row(this.#open)?.querySelector("a").removeAttribute("aria-current");
    this.#row(chat)?.querySelector("a").setAttribute("aria-current", "page");
    this.#open = chat;
    document.title = title;
    this.#settle();
  }

  get #me() {
    return Number(document.querySelector("live-stream").getAttribute("user"));
  }

  #row(chat) {
    return this.querySelector(`[data-chat="${chat}"]`);
  }

  #change(chat, moves = false) {
    this.#due.add(chat);
    if (moves) {
      this.#moved.delete(chat);
      this.#moved.add(chat);
    }
    this.#renewal.start();
  }

  async #renew() {
    const [due, moved, all] = [[...this.#due], [...this.#moved], this.#isStale];
    if (!due.length && !all) return;
    this.#due.clear();
    this.#moved.clear();
    this.#isStale = false;
    try {
      const query = new URLSearchParams([...due.map((chat) => ["id", chat]), ["open", this.#open]]);
      const found = await piece(`/chats/rows?${all ? `open=${this.#open}` : query}`);
      this.#put(found, all ? [...found.children].map(chatOf).reverse() : moved, due);
    } catch (error) {
      for (const chat of due) this.#due.add(chat);
      for (const chat of moved) if (!this.#moved.has(chat)) this.#moved.add(chat);
      this.#isStale ||= all;
      throw error;
    }
  }

  #put(found, moved, due) {
    const rows = new Map([...found.children].map((row) => [chatOf(row), row]));
    if (rows.size) this.#list.hidden = false;
    for (const chat of due) if (!rows.has(chat)) this.#row(chat)?.remove();
    const focused = this.contains(document.activeElement) && chatOf(document.activeElement.closest("[data-chat]"));
    // A chat whose row is not on this page (of very many) stays where it is, unless it moves to the top.
    for (const [chat, row] of rows) this.#row(chat)?.replaceWith(row);
    for (const chat of moved) if (rows.has(chat)) this.#list.prepend(rows.get(chat));
    if (focused) this.#row(focused)?.querySelector("a").focus();
    this.#settle();
    if (due.includes(this.#open)) this.#picture();
    this.dispatchEvent(new CustomEvent("rows", { detail: { chats: due }, bubbles: true }));
  }

  get #list() {
    let list = this.querySelector("ul");
    if (!list) {
      list = document.createElement("ul");
      list.className = "chat-list";
      list.setAttribute("role", "list");
      this.prepend(list);
      document.querySelector("main.sidebar > .empty")?.remove();
    }
    return list;
  }

  #remove(chat) {
    this.#row(chat)?.remove();
    this.#count();
  }

  // The open chat has nothing unread while somebody looks at its end: the word of it is under way.
  #settle() {
    const row = this.#row(this.#open);
    if (row && document.querySelector("chat-log")?.isWatched) {
      row.classList.remove("is-unread");
      row.dataset.unread = 0;
      row.querySelector(".badge")?.remove();
      row.querySelector("a > .visually-hidden")?.remove();
    }
    this.#count();
  }

  #count() {
    const counting = this.querySelectorAll("[data-unread]:not([data-level=nothing])");
    const unread = [...counting].reduce((sum, row) => sum + Number(row.dataset.unread), 0);
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = unread ? `(${unread}) ${title}` : title;
    navigator.setAppBadge?.(unread).catch(() => {}); // only what is installed has a badge
    const icon = document.querySelector("link[rel=icon]");
    icon.dataset.read ??= icon.getAttribute("href");
    const drawing = unread ? icon.dataset.unread : icon.dataset.read;
    if (icon.getAttribute("href") !== drawing) icon.href = drawing;
  }

  #rename(title) {
    document.title = `${title} · ${document.title.split(" · ").at(-1)}`;
    this.#count();
  }

  // The open chat's head has the picture that its row has.
  #picture() {
    const picture = this.#row(this.#open)?.querySelector(".avatar");
    if (picture) document.querySelector(".pane-title > .avatar")?.replaceWith(picture.cloneNode(true));
  }
}

function chatOf(row) {
  return Number(row?.dataset.chat ?? 0);
}

customElements.define("chat-list", ChatList);

// The quick finder comes when it is asked for: by Ctrl+K (Cmd+K on a Mac) or by its button.
const isMac = navigator.platform.startsWith("Mac");

// Its field takes the next key already, while what looks for it is still on its way.
async function openFinder() {
  const finder = document.querySelector("quick-find");
  if (!finder.querySelector("dialog")) finder.append(finder.querySelector("template").content.cloneNode(true));
  const dialog = finder.querySelector("dialog");
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("input").select();
  await import("quick-find");
  finder.find();
}

document.addEventListener("keydown", (event) => {
  // By its place on the keyboard, since in a Russian layout the key writes another letter.
  const isAsked = event.code === "KeyK" && (isMac ? event.metaKey : event.ctrlKey) && !event.shiftKey && !event.altKey;
  if (!isAsked || !document.querySelector("quick-find")) return;
  event.preventDefault();
  openFinder();
});
document.addEventListener("click", (event) => event.target.closest("[data-quick-find]") && openFinder());
