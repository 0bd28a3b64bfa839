// <chat-list open>: the list of chats, most recently active first. The server renders the rows; events change what they
// show (chat-fields.js). Rows are fetched for a chat beyond the end of the list and when events were missed. "rows"
// with {chats} announces those that changed. The number of unread messages in unmuted chats is shown in the page's
// title and icon.
import { changesBy, chatFrom, fieldsOf, readRow } from "chat-fields";
import { showModal } from "navigation";
import { RetryingTask } from "retrying-task";
import { fetchFragment } from "server";
import { fill } from "slots";
import { updateInPlace } from "update-in-place";

const ROW_EVENTS = [
  ...["message.created", "message.updated", "message.deleted"],
  ...["chat.updated", "membership.updated", "read", "draft"],
];
const DUE_MAX = 100; // chats in one request
// Not needed for the first paint.
const LAZY_ELEMENTS = ["chat-notifications", "chat-announcer"];

class ChatList extends HTMLElement {
  #open = Number(this.getAttribute("open"));
  #template = this.querySelector("template.list-row");
  #unlisted = new Map(); // id -> chat.created of a direct chat that is listed once it has a message
  #dueIds = new Set(); // ids of chats whose rows have to be fetched
  #isStale = false;
  #queuedEvents = []; // events that wait for rows being fetched
  #isFetching = false;
  #changedIds = new Set(); // ids of chats whose rows changed since "rows"
  #refreshTask = new RetryingTask(() => this.#refresh());
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (type, handler) => document.addEventListener(type, ({ detail }) => handler(detail), { signal });
    for (const type of [...ROW_EVENTS, "chat.created", "chat.deleted", "member.removed"])
      on(type, (detail) => this.#onEvent(type, detail));
    on("reset", () => {
      this.#isStale = true;
      this.#refreshTask.start();
    });
    on("chat-opened", (detail) => this.#onOpened(detail));
    addEventListener("focus", () => this.#markOpenChatRead(), { signal });
    const importLazily = () => LAZY_ELEMENTS.forEach((name) => import(name));
    document.addEventListener("connection", importLazily, { once: true, signal });
    this.#scrollToOpen();
    this.#markOpenChatRead();
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  // Another chat, or none, was opened.
  #onOpened({ chat: chatId, title }) {
    const [oldRow, newRow] = [this.#rowOf(this.#open), this.#rowOf(chatId)];
    this.#open = chatId;
    if (oldRow) this.#updateRow(oldRow, {});
    if (newRow) this.#updateRow(newRow, {});
    document.title = title;
    this.#scrollToOpen();
    this.#markOpenChatRead();
  }

  // Scrolls a long list to the open chat.
  #scrollToOpen() {
    this.#rowOf(this.#open)?.scrollIntoView({ block: "nearest" });
  }

  get #me() {
    return Number(document.querySelector("live-stream").getAttribute("user"));
  }

  #rowOf(chatId) {
    return this.querySelector(`[data-chat="${chatId}"]`);
  }

  #onEvent(type, detail) {
    if (this.#isFetching) return this.#queuedEvents.push([type, detail]);
    const chatId = detail.chat_id ?? detail.id;
    const row = this.#rowOf(chatId);
    if (type === "chat.created") this.#addChat(detail);
    else if (type === "chat.deleted") this.#removeChat(chatId);
    else if (type === "member.removed") detail.user.id === this.#me && this.#removeChat(chatId);
    else if (row) {
      const changes = changesBy(type, detail, readRow(row), this.#me, this.#template.dataset);
      if (changes) this.#updateRow(row, changes);
      if (type === "message.created") this.#moveToTop([row]);
      if (type === "chat.updated" && chatId === this.#open) this.#renameOpenChat(detail.title);
    } else if (type === "message.created") {
      const unlisted = this.#unlisted.get(chatId);
      if (unlisted)
        this.#addChat({ ...unlisted, last_message: detail, unread: Number(detail.author?.id !== this.#me) });
      else this.#requestRow(chatId);
    }
    this.#announceChange(chatId);
  }

  // A direct chat that somebody else opened is listed once it has a message.
  #addChat(data) {
    if (data.kind === "direct" && !data.last_message && data.opened_by !== this.#me)
      return this.#unlisted.set(data.id, data);
    this.#unlisted.delete(data.id);
    const fresh = this.#renderRow(chatFrom(data, this.#me, this.#template.dataset));
    const row = this.#rowOf(data.id);
    if (row) updateInPlace(row, fresh);
    this.#moveToTop([row ?? fresh]);
  }

  #renderRow(chat) {
    const fields = fieldsOf(chat, chat.id === this.#open, this.#template.dataset);
    return fill(this.#template.content.firstElementChild, fields);
  }

  #updateRow(row, changes) {
    updateInPlace(row, this.#renderRow({ ...readRow(row), ...changes }));
  }

  // Once all events that came together were handled.
  #announceChange(chatId) {
    this.#changedIds.add(chatId);
    if (this.#changedIds.size > 1) return;
    queueMicrotask(() => {
      const chatIds = [...this.#changedIds];
      this.#changedIds.clear();
      this.#markOpenChatRead();
      if (chatIds.includes(this.#open)) this.#updateHeadingPicture();
      this.dispatchEvent(new CustomEvent("rows", { detail: { chats: chatIds }, bubbles: true }));
    });
  }

  #requestRow(chatId) {
    this.#dueIds.add(chatId);
    this.#refreshTask.start();
  }

  async #refresh() {
    const isFull = this.#isStale;
    const dueIds = isFull ? [] : [...this.#dueIds].slice(0, DUE_MAX);
    if (!dueIds.length && !isFull) return;
    this.#isFetching = true;
    try {
      const query = new URLSearchParams([...dueIds.map((chatId) => ["id", chatId]), ["open", this.#open]]);
      const rows = [...(await fetchFragment(`/chats/rows?${query}`)).children];
      const listed = new Set(rows.map(chatOf));
      this.#showRows(rows);
      this.#isStale = false;
      // Those further down the list, and those that the reader has left meanwhile: the latter won't be found.
      for (const row of isFull ? this.querySelectorAll("[data-chat]") : [])
        if (!listed.has(chatOf(row))) this.#dueIds.add(chatOf(row));
      for (const chatId of dueIds) {
        this.#dueIds.delete(chatId);
        if (!listed.has(chatId)) this.#removeChat(chatId);
      }
    } finally {
      this.#isFetching = false;
      for (const [type, detail] of this.#queuedEvents.splice(0)) this.#onEvent(type, detail);
    }
    if (this.#dueIds.size) this.#refreshTask.start();
  }

  #showRows(rows) {
    const shown = rows.map((row) => {
      const old = this.#rowOf(chatOf(row));
      if (old) updateInPlace(old, row);
      this.#announceChange(chatOf(row));
      return old ?? row;
    });
    this.#moveToTop(shown.reverse());
  }

  // The last of the rows comes first. Those that are in their place already aren't touched.
  #moveToTop(rows) {
    if (!rows.length) return;
    const list = this.#ensureList();
    list.hidden = false;
    const focused = document.activeElement?.closest("chat-list [data-chat] > a");
    let nextInPlace = list.firstElementChild;
    for (const row of rows.reverse()) {
      if (row === nextInPlace) nextInPlace = nextInPlace.nextElementSibling;
      else list.insertBefore(row, nextInPlace);
    }
    if (focused && focused !== document.activeElement) focused.focus();
  }

  // Creates the list if there is none yet, and removes the empty state.
  #ensureList() {
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

  #removeChat(chatId) {
    this.#rowOf(chatId)?.remove();
    this.#updateUnreadTotal();
    this.#showEmptyState();
  }

  // Shows the empty state once the last chat is gone.
  #showEmptyState() {
    if (this.querySelector("[data-chat], .no-chats") || document.querySelector("main.sidebar > .empty")) return;
    this.append(this.querySelector("template.empty-list").content.cloneNode(true));
  }

  // While somebody looks at its end, the open chat counts as read: the report is on its way.
  #markOpenChatRead() {
    const row = this.#rowOf(this.#open);
    if (row?.classList.contains("is-unread") && document.querySelector("message-list")?.isWatched)
      this.#updateRow(row, { unread: 0, unread_mentions: 0 });
    this.#updateUnreadTotal();
  }

  #updateUnreadTotal() {
    const rows = this.querySelectorAll("[data-unread]:not([data-level=nothing])");
    const unread = [...rows].reduce((sum, row) => sum + Number(row.dataset.unread), 0);
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = unread ? `(${unread}) ${title}` : title;
    navigator.setAppBadge?.(unread).catch(() => {}); // works for installed apps only
    const icon = document.querySelector("link[rel=icon]");
    icon.dataset.read ??= icon.getAttribute("href");
    const href = unread ? icon.dataset.unread : icon.dataset.read;
    if (icon.getAttribute("href") !== href) icon.href = href;
  }

  #renameOpenChat(title) {
    document.title = `${title} · ${document.title.split(" · ").at(-1)}`;
    this.#updateUnreadTotal();
  }

  // Updates the picture in the heading from the row.
  #updateHeadingPicture() {
    const shown = document.querySelector(".pane-title > .avatar");
    const picture = this.#rowOf(this.#open)?.querySelector(".avatar");
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
  const listening = new AbortController();
  const onSubmit = (event) => {
    event.preventDefault();
    isEntered = true;
  };
  form.addEventListener("submit", onSubmit, { signal: listening.signal });
  try {
    await import("quick-find");
  } catch (error) {
    listening.abort();
    if (isEntered) form.requestSubmit();
    throw error;
  }
  listening.abort();
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
