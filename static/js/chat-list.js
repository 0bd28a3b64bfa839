// <chat-list open>: the list of chats, most recently active first. The server renders the rows; events change what they
// say (chat-fields.js). Rows are fetched for a chat beyond the end of the list and when events were missed. "rows" with
// {chats} announces those that changed. The number of unread messages in unmuted chats is shown in the page's title and
// icon.
import { changesBy, chatFrom, fieldsOf, readRow } from "chat-fields";
import { showModal } from "navigation";
import { RetryingTask } from "retrying-task";
import { fetchFragment } from "server";
import { fill } from "slots";
import { updateInPlace } from "update-in-place";

const CHANGING = [
  ...["message.created", "message.updated", "message.deleted"],
  ...["chat.updated", "membership.updated", "read", "draft"],
];
const DUE_MAX = 100; // chats in one request
// Not needed for the first paint.
const LATER = ["chat-notifications", "chat-announcer"];

class ChatList extends HTMLElement {
  #open = Number(this.getAttribute("open"));
  #template = this.querySelector("template.list-row");
  #unlisted = new Map(); // id -> chat.created of a direct chat that is listed once it has a message
  #due = new Set(); // ids of chats whose rows have to be fetched
  #isStale = false;
  #held = []; // events that wait for rows being fetched
  #isFetching = false;
  #changed = new Set(); // ids of chats whose rows changed since "rows"
  #renewal = new RetryingTask(() => this.#renew());
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (type, act) => document.addEventListener(type, ({ detail }) => act(detail), { signal });
    for (const type of [...CHANGING, "chat.created", "chat.deleted", "member.removed"])
      on(type, (detail) => this.#hear(type, detail));
    on("reset", () => {
      this.#isStale = true;
      this.#renewal.start();
    });
    on("opened", (detail) => this.#show(detail));
    addEventListener("focus", () => this.#settle(), { signal });
    document.addEventListener("connection", () => LATER.forEach((name) => import(name)), { once: true, signal });
    this.#showOpen();
    this.#settle();
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  // Another chat, or none, was opened.
  #show({ chat, title }) {
    const [before, now] = [this.#row(this.#open), this.#row(chat)];
    this.#open = chat;
    if (before) this.#change(before, {});
    if (now) this.#change(now, {});
    document.title = title;
    this.#showOpen();
    this.#settle();
  }

  // Scrolls a long list to the open chat.
  #showOpen() {
    this.#row(this.#open)?.scrollIntoView({ block: "nearest" });
  }

  get #me() {
    return Number(document.querySelector("live-stream").getAttribute("user"));
  }

  #row(chat) {
    return this.querySelector(`[data-chat="${chat}"]`);
  }

  #hear(type, detail) {
    if (this.#isFetching) return this.#held.push([type, detail]);
    const chat = detail.chat_id ?? detail.id;
    const row = this.#row(chat);
    if (type === "chat.created") this.#add(detail);
    else if (type === "chat.deleted") this.#remove(chat);
    else if (type === "member.removed") detail.user.id === this.#me && this.#remove(chat);
    else if (row) {
      const changes = changesBy(type, detail, readRow(row), this.#me, this.#template.dataset);
      if (changes) this.#change(row, changes);
      if (type === "message.created") this.#toTop([row]);
      if (type === "chat.updated" && chat === this.#open) this.#rename(detail.title);
    } else if (type === "message.created") {
      const unlisted = this.#unlisted.get(chat);
      if (unlisted) this.#add({ ...unlisted, last_message: detail, unread: Number(detail.author?.id !== this.#me) });
      else this.#ask(chat);
    }
    this.#announce(chat);
  }

  // A direct chat that somebody else opened is listed once it has a message.
  #add(data) {
    if (data.kind === "direct" && !data.last_message && data.opened_by !== this.#me)
      return this.#unlisted.set(data.id, data);
    this.#unlisted.delete(data.id);
    const fresh = this.#fill(chatFrom(data, this.#me, this.#template.dataset));
    const row = this.#row(data.id);
    if (row) updateInPlace(row, fresh);
    this.#toTop([row ?? fresh]);
  }

  #fill(chat) {
    const fields = fieldsOf(chat, chat.id === this.#open, this.#template.dataset);
    return fill(this.#template.content.firstElementChild, fields);
  }

  #change(row, changes) {
    updateInPlace(row, this.#fill({ ...readRow(row), ...changes }));
  }

  // Once all events that came together were heard.
  #announce(chat) {
    this.#changed.add(chat);
    if (this.#changed.size > 1) return;
    queueMicrotask(() => {
      const chats = [...this.#changed];
      this.#changed.clear();
      this.#settle();
      if (chats.includes(this.#open)) this.#picture();
      this.dispatchEvent(new CustomEvent("rows", { detail: { chats }, bubbles: true }));
    });
  }

  #ask(chat) {
    this.#due.add(chat);
    this.#renewal.start();
  }

  async #renew() {
    const all = this.#isStale;
    const due = all ? [] : [...this.#due].slice(0, DUE_MAX);
    if (!due.length && !all) return;
    this.#isFetching = true;
    try {
      const query = new URLSearchParams([...due.map((chat) => ["id", chat]), ["open", this.#open]]);
      const found = [...(await fetchFragment(`/chats/rows?${query}`)).children];
      const listed = new Set(found.map(chatOf));
      this.#put(found);
      this.#isStale = false;
      // Those further down the list, and those that the reader has left meanwhile: the latter won't be found.
      for (const row of all ? this.querySelectorAll("[data-chat]") : [])
        if (!listed.has(chatOf(row))) this.#due.add(chatOf(row));
      for (const chat of due) {
        this.#due.delete(chat);
        if (!listed.has(chat)) this.#remove(chat);
      }
    } finally {
      this.#isFetching = false;
      for (const [type, detail] of this.#held.splice(0)) this.#hear(type, detail);
    }
    if (this.#due.size) this.#renewal.start();
  }

  #put(rows) {
    const shown = rows.map((row) => {
      const old = this.#row(chatOf(row));
      if (old) updateInPlace(old, row);
      this.#announce(chatOf(row));
      return old ?? row;
    });
    this.#toTop(shown.reverse());
  }

  // The last of the rows comes first. Those that are in their place already aren't touched.
  #toTop(rows) {
    if (!rows.length) return;
    this.#list.hidden = false;
    const focused = document.activeElement?.closest("chat-list [data-chat] > a");
    let place = this.#list.firstElementChild;
    for (const row of rows.reverse()) {
      if (row === place) place = place.nextElementSibling;
      else this.#list.insertBefore(row, place);
    }
    if (focused && focused !== document.activeElement) focused.focus();
  }

  get #list() {
    let list = this.querySelector("ul");
    this.querySelector(".no-chats")?.remove();
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
    this.#sayEmpty();
  }

  // Once the last chat is gone.
  #sayEmpty() {
    if (this.querySelector("[data-chat], .no-chats") || document.querySelector("main.sidebar > .empty")) return;
    this.append(this.querySelector("template.empty-list").content.cloneNode(true));
  }

  // While somebody looks at its end, the open chat counts as read: the report is on its way.
  #settle() {
    const row = this.#row(this.#open);
    if (row?.classList.contains("is-unread") && document.querySelector("message-list")?.isWatched)
      this.#change(row, { unread: 0, unread_mentions: 0 });
    this.#count();
  }

  #count() {
    const counting = this.querySelectorAll("[data-unread]:not([data-level=nothing])");
    const unread = [...counting].reduce((sum, row) => sum + Number(row.dataset.unread), 0);
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = unread ? `(${unread}) ${title}` : title;
    navigator.setAppBadge?.(unread).catch(() => {}); // works for installed apps only
    const icon = document.querySelector("link[rel=icon]");
    icon.dataset.read ??= icon.getAttribute("href");
    const drawing = unread ? icon.dataset.unread : icon.dataset.read;
    if (icon.getAttribute("href") !== drawing) icon.href = drawing;
  }

  #rename(title) {
    document.title = `${title} · ${document.title.split(" · ").at(-1)}`;
    this.#count();
  }

  // Updates the picture in the heading from the row.
  #picture() {
    const shown = document.querySelector(".pane-title > .avatar");
    const picture = this.#row(this.#open)?.querySelector(".avatar");
    if (shown && picture) updateInPlace(shown, picture.cloneNode(true));
  }
}

function chatOf(row) {
  return Number(row?.dataset.chat ?? 0);
}

customElements.define("chat-list", ChatList);

// The quick finder is loaded on demand: by Ctrl+K (Cmd+K on a Mac) or its button.
const isMac = navigator.platform.startsWith("Mac");

// The field accepts keys while the module is loading.
async function openFinder() {
  const finder = document.querySelector("quick-find");
  if (!finder.querySelector("dialog")) finder.append(finder.querySelector("template").content.cloneNode(true));
  const dialog = finder.querySelector("dialog");
  if (!dialog.open) showModal(dialog);
  dialog.querySelector("input").select();
  const isEntered = await loadFinder(dialog.querySelector("form"));
  finder.find(isEntered);
}

// Returns whether Enter was pressed meanwhile.
async function loadFinder(form) {
  let isEntered = false;
  const waiting = new AbortController();
  const wait = (event) => {
    event.preventDefault();
    isEntered = true;
  };
  form.addEventListener("submit", wait, { signal: waiting.signal });
  try {
    await import("quick-find");
  } catch (error) {
    waiting.abort();
    if (isEntered) form.requestSubmit();
    throw error;
  }
  waiting.abort();
  return isEntered;
}

document.addEventListener("keydown", (event) => {
  // By `code`, since `key` depends on the layout.
  const isAsked = event.code === "KeyK" && (isMac ? event.metaKey : event.ctrlKey) && !event.shiftKey && !event.altKey;
  if (!isAsked || !document.querySelector("quick-find")) return;
  event.preventDefault();
  openFinder();
});
document.addEventListener("click", (event) => event.target.closest("[data-quick-find]") && openFinder());
