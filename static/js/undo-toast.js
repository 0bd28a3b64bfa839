// <undo-toast seconds>: a short message that disappears by itself or when dismissed. With a form in it, it offers to
// undo a deletion.
import { api, SignedOut } from "server";

const STAYS = 5; // seconds, for a message without a button

// Says that a message was deleted, with a button to restore it.
export function offerUndo(id) {
  const template = document.querySelector("template.undo");
  const toast = template.content.cloneNode(true).firstElementChild;
  if (!Number(toast.getAttribute("seconds"))) return; // undo is turned off
  const chat = document.querySelector("message-list").getAttribute("chat");
  toast.querySelector("form").setAttribute("action", `/chats/${chat}/messages/${id}/restore`);
  document.querySelector(".toasts").append(toast);
}

// Any other message. It appears in an open dialog, else below the message list. `there` is a link: [URL, text].
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
    this.querySelector("[name=dismiss]")?.addEventListener("click", () => this.#go());
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
    if (hadFocus) document.querySelector("message-list")?.focus();
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
    if (hadFocus) document.querySelector("message-list")?.focus();
  }
}

customElements.define("undo-toast", UndoToast);
