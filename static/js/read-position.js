// How far the open chat was read: the newest message of somebody else that was on screen in a focused window.
import { idOf } from "message-rows";
import { RetryingTask } from "retrying-task";

export function isLookedAt() {
  return document.visibilityState === "visible" && document.hasFocus();
}

export class ReadPosition {
  #list;
  #chat;
  #id; // the last read message, as the server knows it
  #seen = 0; // the newest message of others that was on screen
  #isPaused = false; // marked as unread: nothing is read until the chat is opened again or its reader writes
  #request = null; // the promise of the last report
  #report = new RetryingTask(() => this.#send());
  #observer;

  constructor(list, chat, id) {
    this.#list = list;
    this.#chat = chat;
    this.#id = id;
    this.#observer = new IntersectionObserver((entries) => this.#saw(entries), { root: list });
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
    return this.#id;
  }

  get isPaused() {
    return this.#isPaused;
  }

  // Whether a row is somebody else's message that was not on screen yet.
  isUnseen(row) {
    return (
      idOf(row) > Math.max(this.#id, this.#seen) && !row.querySelector("[data-own]") && !row.matches(".is-deleted")
    );
  }

  watch(rows) {
    for (const row of rows) if (this.isUnseen(row)) this.#observer.observe(row);
  }

  unwatch() {
    this.#observer.disconnect();
  }

  #saw(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      this.#observer.unobserve(target);
      this.#seen = Math.max(this.#seen, idOf(target));
    }
    this.#list.dispatchEvent(new Event("arranged"));
    this.#report.start();
  }

  // With `keepalive`, so that a page that is closed right after reading still reports it.
  async #send() {
    const id = this.#seen;
    if (!isLookedAt() || id <= this.#id || this.#list.isClosed || this.#isPaused) return;
    const csrf = document.querySelector("meta[name=csrf-token]").content;
    const body = new URLSearchParams({ message_id: id, csrf_token: csrf });
    this.#request = fetch(`/chats/${this.#chat}/read`, { method: "POST", body, keepalive: true, redirect: "manual" });
    const answer = await this.#request;
    if (answer.status >= 500 || answer.status === 429) throw new Error(`read: ${answer.status}`);
    this.#id = Math.max(this.#id, id);
  }

  // Read up to there, here or on another device.
  advance(id) {
    if (id > this.#id) this.#isPaused = false;
    this.#id = Math.max(this.#id, id);
  }

  // Marked as unread again after there, here or on another device.
  rewind(id) {
    this.#isPaused = true;
    this.#id = id;
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
