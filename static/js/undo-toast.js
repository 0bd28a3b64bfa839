// <undo-toast seconds>: a short message that disappears by itself or when dismissed. With a form in it, it offers to
// undo a deletion.
import { api, SignedOut } from "server";

const SHOWN_FOR = 5; // seconds, for a message without a button

// Shows that a message was deleted, with a button to restore it.
export function offerUndo(id) {
  const template = document.querySelector("template.undo");
  const toast = template.content.cloneNode(true).firstElementChild;
  if (!Number(toast.getAttribute("seconds"))) return; // undo is turned off
  const chat = document.querySelector("message-list").getAttribute("chat");
  toast.querySelector("form").setAttribute("action", `/chats/${chat}/messages/${id}/restore`);
  document.querySelector(".toasts").append(toast);
}

// Shows a text in an open dialog, else below the message list. `link` is [URL, text].
export function showToast(text, link = null) {
  const toast = document.createElement("undo-toast");
  toast.className = "toast";
  toast.setAttribute("seconds", SHOWN_FOR);
  toast.append(text);
  if (link) {
    const [href, textContent] = link;
    toast.append(Object.assign(document.createElement("a"), { className: "button", href, textContent }));
  }
  const dialog = document.querySelector("dialog:modal");
  if (dialog) toast.role = "status";
  (dialog ?? document.querySelector(".toasts") ?? document.body).append(toast);
}

class UndoToast extends HTMLElement {
  #timer = 0;

  connectedCallback() {
    this.#closeAfter(this.getAttribute("seconds"));
    this.querySelector("form")?.addEventListener("submit", (event) => this.#restore(event));
    this.querySelector("[name=dismiss]")?.addEventListener("click", () => this.#close());
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  #closeAfter(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#close(), 1_000 * seconds);
  }

  #close() {
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
      const response = await api("POST", `/api/messages/${id}/restore`);
      if (response.status === 404) return this.#showEnd(late);
      if (!response.ok) throw new Error(`to restore: ${response.status}`);
      document.dispatchEvent(new CustomEvent("message.updated", { detail: await response.json() }));
      this.#close();
    } catch (error) {
      if (error instanceof SignedOut) return location.reload();
      this.querySelector("span").textContent = failed;
      button.disabled = false;
    }
  }

  #showEnd(text) {
    const hadFocus = this.contains(document.activeElement);
    this.replaceChildren(text);
    this.#closeAfter(SHOWN_FOR);
    if (hadFocus) document.querySelector("message-list")?.focus();
  }
}

customElements.define("undo-toast", UndoToast);
