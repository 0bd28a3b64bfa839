// <chat-announcer chat user many>: a live region that announces new messages politely to screen readers. The message
// list itself is silent (aria-live="off"): it would be read row by row, dates and buttons included.
import { summaryWithAuthor } from "notification-policy";

const PAUSE = 700; // ms; messages in quick succession are announced together
const ANNOUNCED = 3; // one by one; beyond that their number and the last one
const FORGOTTEN_AFTER = 15_000; // ms

class ChatAnnouncer extends HTMLElement {
  #waiting = [];
  #end = null;
  #pause = 0;
  #forgetting = 0;

  connectedCallback() {
    this.#end = new AbortController();
    document.addEventListener("message.created", ({ detail }) => this.#collect(detail), { signal: this.#end.signal });
  }

  disconnectedCallback() {
    this.#end.abort();
    clearTimeout(this.#pause);
    clearTimeout(this.#forgetting);
    this.#waiting = [];
    this.replaceChildren();
  }

  #collect(message) {
    const [chat, user] = ["chat", "user"].map((name) => Number(this.getAttribute(name)));
    if (message.chat_id !== chat || message.author?.id === user) return;
    this.#waiting.push(message);
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#announce(), PAUSE);
  }

  #announce() {
    const messages = this.#waiting.splice(0);
    const lines =
      messages.length > ANNOUNCED
        ? [this.getAttribute("many").replace("{number}", messages.length), summaryWithAuthor(messages.at(-1))]
        : messages.map(summaryWithAuthor);
    this.replaceChildren(...lines.map(paragraph));
    clearTimeout(this.#forgetting);
    this.#forgetting = setTimeout(() => this.replaceChildren(), FORGOTTEN_AFTER);
  }
}

function paragraph(words) {
  const made = document.createElement("p");
  made.textContent = words;
  return made;
}

customElements.define("chat-announcer", ChatAnnouncer);
