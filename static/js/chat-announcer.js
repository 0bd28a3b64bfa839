// <chat-announcer chat user many>: a live region that announces new messages politely to screen readers. The message
// list itself is silent (aria-live="off"): it would be read row by row, dates and buttons included.
import { summaryWithAuthor } from "notification-policy";

const PAUSE = 700; // ms; messages in quick succession are announced together
const ANNOUNCED_MAX = 3; // one by one; beyond that their number and the last one
const CLEAR_AFTER = 15_000; // ms

class ChatAnnouncer extends HTMLElement {
  #queue = [];
  #listening = null;
  #announceTimer = 0;
  #clearTimer = 0;

  connectedCallback() {
    this.#listening = new AbortController();
    document.addEventListener("message.created", ({ detail }) => this.#collect(detail), {
      signal: this.#listening.signal,
    });
  }

  disconnectedCallback() {
    this.#listening.abort();
    clearTimeout(this.#announceTimer);
    clearTimeout(this.#clearTimer);
    this.#queue = [];
    this.replaceChildren();
  }

  #collect(message) {
    const [chat, user] = ["chat", "user"].map((name) => Number(this.getAttribute(name)));
    if (message.chat_id !== chat || message.author?.id === user) return;
    this.#queue.push(message);
    clearTimeout(this.#announceTimer);
    this.#announceTimer = setTimeout(() => this.#announce(), PAUSE);
  }

  #announce() {
    const messages = this.#queue.splice(0);
    const lines =
      messages.length > ANNOUNCED_MAX
        ? [this.getAttribute("many").replace("{number}", messages.length), summaryWithAuthor(messages.at(-1))]
        : messages.map(summaryWithAuthor);
    this.replaceChildren(...lines.map(paragraph));
    clearTimeout(this.#clearTimer);
    this.#clearTimer = setTimeout(() => this.replaceChildren(), CLEAR_AFTER);
  }
}

function paragraph(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}

customElements.define("chat-announcer", ChatAnnouncer);
