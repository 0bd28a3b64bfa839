// How far the open chat was read: the newest message of somebody else that was on screen in a focused window.
import { idOf } from "message-rows";
import { RetryingTask } from "retrying-task";

export function isPageActive() {
  return document.visibilityState === "visible" && document.hasFocus();
}

export class ReadPosition {
  #list;
  #chat;
  #readId; // the last read message, as the server knows it
  #seenId = 0; // the newest message of others that was on screen
  #isPaused = false; // marked as unread: nothing is read until the chat is opened again or its reader writes
  #request = null; // the promise of the last report
  #report = new RetryingTask(() => this.#sendReport());
  #observer;

  constructor(list, chat, id) {
    this.#list = list;
    this.#chat = chat;
    this.#readId = id;
    this.#observer = new IntersectionObserver((entries) => this.#onSeen(entries), { root: list });
  }

  // Reports when somebody comes back to the page, and when it is left.
  connect(signal) {
    for (const [target, type] of [
      [window, "focus"],
      [window, "pagehide"],
      [document, "visibilitychange"],
    ])
      target.addEventListener(type, () => this.#report.start(), { signal });
  }

  disconnect() {
    this.unwatch();
    this.#report.stop();
  }

  get id() {
    return this.#readId;
  }

  get isPaused() {
    return this.#isPaused;
  }

  // Whether a row is somebody else's message that was not on screen yet.
  isUnseen(row) {
    return (
      idOf(row) > Math.max(this.#readId, this.#seenId) &&
      !row.querySelector("[data-own]") &&
      !row.matches(".is-deleted")
    );
  }

  watch(rows) {
    for (const row of rows) if (this.isUnseen(row)) this.#observer.observe(row);
  }

  unwatch() {
    this.#observer.disconnect();
  }

  #onSeen(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      this.#observer.unobserve(target);
      this.#seenId = Math.max(this.#seenId, idOf(target));
    }
    this.#list.dispatchEvent(new Event("rows-changed"));
    this.#report.start();
  }

  // With `keepalive`, so that a page that is closed right after reading still reports it.
  async #sendReport() {
    const id = this.#seenId;
    if (!isPageActive() || id <= this.#readId || this.#list.isClosed || this.#isPaused) return;
    const csrf = document.querySelector("meta[name=csrf-token]").content;
    const body = new URLSearchParams({ message_id: id, csrf_token: csrf });
    this.#request = fetch(`/chats/${this.#chat}/read`, { method: "POST", body, keepalive: true, redirect: "manual" });
    const response = await this.#request;
    if (response.status >= 500 || response.status === 429) throw new Error(`read: ${response.status}`);
    this.#readId = Math.max(this.#readId, id);
  }

  // Read up to there, here or on another device.
  advance(id) {
    if (id > this.#readId) this.#isPaused = false;
    this.#readId = Math.max(this.#readId, id);
  }

  // Marked as unread again after there, here or on another device.
  rewind(id) {
    this.#isPaused = true;
    this.#readId = id;
  }

  resume() {
    this.#isPaused = false;
  }

  resumeAndReport() {
    this.#isPaused = false;
    this.#report.start();
  }

  // Stops or resumes reading; settles when the last report has arrived, so that it can't overtake a later request.
  async pause(isPaused) {
    this.#isPaused = isPaused;
    await this.#request?.catch(() => {});
  }
}
