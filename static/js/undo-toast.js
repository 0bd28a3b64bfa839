// <undo-toast seconds>: short news at the foot of the log that goes away by itself; with a form in it, a deletion can be undone.
import { api, SignedOut } from "server";

const STAYS = 5; // seconds, for a word that asks for nothing

// The news that a message was deleted, and the button that brings it back.
export function offerUndo(id) {
  const template = document.querySelector("template.undo");
  const toast = template.content.cloneNode(true).firstElementChild;
  if (!Number(toast.getAttribute("seconds"))) return; // no undo is wanted here
  const chat = document.querySelector("chat-log").getAttribute("chat");
  toast.querySelector("form").setAttribute("action", `/chats/${chat}/messages/${id}/restore`);
  document.querySelector(".toasts").append(toast);
}

// Any other news. It stands in an open dialog, else in the log's corner. `there` leads to what it tells of: [address, words].
export function say(words, there = null) {
  const toast = document.createElement("undo-toast");
  toast.className = "toast";
  toast.setAttribute("seconds", STAYS);
  toast.append(words);
  if (there) {
    const [href, textContent] = there;
    toast.append(Object.assign(document.createElement("a"), { className: "button", href, textContent }));
  }
  const dialog = document.querySelector("dialog:modal");
  if (dialog) toast.role = "status";
  (dialog ?? document.querySelector(".toasts") ?? document.body).append(toast);
}

class UndoToast extends HTMLElement {
  #timer = 0;

  connectedCallback() {
    this.#goIn(this.getAttribute("seconds"));
    this.querySelector("form")?.addEventListener("submit", (event) => this.#restore(event));
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  #goIn(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#go(), 1_000 * seconds);
  }

  #go() {
    const hadFocus = this.contains(document.activeElement);
    this.remove();
    if (hadFocus) document.querySelector("chat-log")?.focus();
  }

  async #restore(event) {
    event.preventDefault();
    const { late, failed } = document.querySelector("template.undo").dataset;
    const [, id] = /messages\/(\d+)\/restore$/.exec(event.target.getAttribute("action"));
    const button = this.querySelector("button");
    button.disabled = true;
    try {
      const answer = await api("POST", `/api/messages/${id}/restore`);
      if (answer.status === 404) return this.#end(late);
      if (!answer.ok) throw new Error(`to restore: ${answer.status}`);
      document.dispatchEvent(new CustomEvent("message.updated", { detail: await answer.json() }));
      this.#go();
    } catch (error) {
      if (error instanceof SignedOut) return location.reload();
      this.querySelector("span").textContent = failed;
      button.disabled = false;
    }
  }

  #end(words) {
    const hadFocus = this.contains(document.activeElement);
    this.replaceChildren(words);
    this.#goIn(STAYS);
    if (hadFocus) document.querySelector("chat-log")?.focus();
  }
}

customElements.define("undo-toast", UndoToast);
