// <chat-notifications> around the button that asks for permission: notifies of messages that arrive while nobody is
// looking. Only the tab that leads the stream notifies, after the chat's row was refreshed, so that what was read
// elsewhere meanwhile is skipped; reading closes a notification. Each tab holds a Web Lock named after the chat in
// view.
import { leave } from "navigation";
import { close, isUndecided, setEnabled, show, state } from "notifications";
import { notificationFor } from "notification-policy";

class ChatNotifications extends HTMLElement {
  #pending = new Map(); // chat -> its messages since the list was renewed
  #listening = null;
  #chatInView = null;
  #releaseLock = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (type, handler) => document.addEventListener(type, ({ detail }) => handler(detail), { signal });
    on("message.created", (message) => this.#collect(message));
    on("message.deleted", ({ chat_id, id }) => close(chat_id, id));
    on("rows", ({ chats }) => chats.forEach((chat) => this.#notify(chat)));
    on("read", ({ chat_id }) => close(chat_id));
    on("chat.deleted", ({ id }) => close(id));
    on("member.removed", ({ chat_id, user }) => user.id === this.#me && close(chat_id));
    on("chat-opened", () => this.#updateView());
    for (const type of ["focus", "blur"]) addEventListener(type, () => this.#updateView(), { signal });
    document.addEventListener("visibilitychange", () => this.#updateView(), { signal });
    this.#button.addEventListener("click", () => this.#enable(), { signal });
    this.#updateView();
  }

  disconnectedCallback() {
    this.#listening.abort();
    this.#releaseLock?.();
    this.#chatInView = null;
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

  async #enable() {
    await setEnabled(true);
    this.#button.hidden = true;
  }

  #collect(message) {
    if (state() !== "on") return;
    if (message.author?.id === this.#me) return close(message.chat_id);
    if (!this.#pending.has(message.chat_id)) this.#pending.set(message.chat_id, []);
    this.#pending.get(message.chat_id).push(message);
  }

  async #notify(chat) {
    const messages = this.#pending.get(chat) ?? [];
    const row = document.querySelector(`chat-list [data-chat="${chat}"]`);
    this.#pending.delete(chat);
    if (!row || !this.#stream.isLeader || row.dataset.unread === "0") return;
    const notification = messages.map((message) => notificationFor(message, chatFrom(row), this.#me)).findLast(Boolean);
    if (notification && !(await isInView(this.#lockName(chat)))) show(notification, () => open(chat));
  }

  // Hold the lock while the chat is in view.
  #updateView() {
    this.#button.hidden = !isUndecided();
    const isActive = document.visibilityState === "visible" && document.hasFocus();
    const chat = isActive ? (document.querySelector("message-list")?.getAttribute("chat") ?? null) : null;
    if (chat === this.#chatInView) return;
    this.#releaseLock?.();
    this.#chatInView = chat;
    if (!chat) return;
    close(Number(chat));
    const released = new Promise((resolve) => (this.#releaseLock = resolve));
    navigator.locks?.request(this.#lockName(chat), { mode: "shared" }, () => released);
  }

  #lockName(chat) {
    return `looks ${this.#me} ${chat}`;
  }
}

async function isInView(lockName) {
  const { held } = await navigator.locks.query();
  return held.some(({ name }) => name === lockName);
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
