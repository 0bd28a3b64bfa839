// <chat-notifications> around the button that asks for permission: notifies of messages that arrive while nobody is
// looking. Only the tab that leads the stream notifies, after the chat's row was refreshed, so that what was read
// elsewhere meanwhile is skipped; reading closes a notification. Each tab holds a Web Lock named after the chat in
// view.
import { leave } from "navigation";
import { close, isUndecided, setEnabled, show, state } from "notifications";
import { notificationFor } from "notification-policy";

class ChatNotifications extends HTMLElement {
  #waiting = new Map(); // chat -> its messages since the list was renewed
  #end = null;
  #looksAt = null;
  #lookAway = null;

  connectedCallback() {
    this.#end = new AbortController();
    const { signal } = this.#end;
    const on = (type, act) => document.addEventListener(type, ({ detail }) => act(detail), { signal });
    on("message.created", (message) => this.#collect(message));
    on("message.deleted", ({ chat_id, id }) => close(chat_id, id));
    on("rows", ({ chats }) => chats.forEach((chat) => this.#notify(chat)));
    on("read", ({ chat_id }) => close(chat_id));
    on("chat.deleted", ({ id }) => close(id));
    on("member.removed", ({ chat_id, user }) => user.id === this.#me && close(chat_id));
    on("opened", () => this.#look());
    for (const type of ["focus", "blur"]) addEventListener(type, () => this.#look(), { signal });
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    this.#button.addEventListener("click", () => this.#ask(), { signal });
    this.#look();
  }

  disconnectedCallback() {
    this.#end.abort();
    this.#lookAway?.();
    this.#looksAt = null;
  }

  get #button() {
    return this.querySelector("button");
  }

  get #stream() {
    return document.querySelector("live-stream");
  }

  get #me() {
    return Number(this.#stream.getAttribute("user"));
  }

  async #ask() {
    await setEnabled(true);
    this.#button.hidden = true;
  }

  #collect(message) {
    if (state() !== "on") return;
    if (message.author?.id === this.#me) return close(message.chat_id);
    if (!this.#waiting.has(message.chat_id)) this.#waiting.set(message.chat_id, []);
    this.#waiting.get(message.chat_id).push(message);
  }

  async #notify(chat) {
    const messages = this.#waiting.get(chat) ?? [];
    const row = document.querySelector(`chat-list [data-chat="${chat}"]`);
    this.#waiting.delete(chat);
    if (!row || !this.#stream.leads || row.dataset.unread === "0") return;
    const notification = messages.map((message) => notificationFor(message, chatFrom(row), this.#me)).findLast(Boolean);
    if (notification && !(await isLookedAt(this.#lock(chat)))) show(notification, () => open(chat));
  }

  // Hold the lock while the chat is in view.
  #look() {
    this.#button.hidden = !isUndecided();
    const isHere = document.visibilityState === "visible" && document.hasFocus();
    const chat = isHere ? (document.querySelector("message-list")?.getAttribute("chat") ?? null) : null;
    if (chat === this.#looksAt) return;
    this.#lookAway?.();
    this.#looksAt = chat;
    if (!chat) return;
    close(Number(chat));
    const away = new Promise((resolve) => (this.#lookAway = resolve));
    navigator.locks?.request(this.#lock(chat), { mode: "shared" }, () => away);
  }

  #lock(chat) {
    return `looks ${this.#me} ${chat}`;
  }
}

async function isLookedAt(lock) {
  const { held } = await navigator.locks.query();
  return held.some(({ name }) => name === lock);
}

function chatFrom(row) {
  const { chat, kind, level } = row.dataset;
  const title = row.querySelector("a").firstChild.textContent.trim();
  return { id: Number(chat), title, kind, level, picture: row.querySelector(".avatar img")?.src };
}

function open(chat) {
  if (document.querySelector("message-list")?.getAttribute("chat") === String(chat)) return;
  const link = document.querySelector(`chat-list [data-chat="${chat}"] > a`);
  if (link) link.click();
  else leave(`/chats/${chat}`);
}

customElements.define("chat-notifications", ChatNotifications);
