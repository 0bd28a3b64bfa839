// <chat-announcer chat user many>: a place of its own for what a screen reader says of new messages, politely. The log
// itself is silent: it would be read aloud row by row, with its dates and buttons, whenever something is put into it.
import { spoken } from "worth";

const PAUSE = 700; // ms; what comes in a swarm is said in one go
const TOLD = 3; // each by itself; more are counted, and the last one said
const FORGOTTEN_AFTER = 15_000; // ms

class ChatAnnouncer extends HTMLElement {
  #waiting = [];
  #end = null;
  #pause = 0;
  #forgetting = 0;

  connectedCallback() {
    this.#end = new AbortController();
    document.addEventListener("message.created", ({ detail }) => this.#take(detail), { signal: this.#end.signal });
  }

  disconnectedCallback() {
    this.#end.abort();
    clearTimeout(this.#pause);
    clearTimeout(this.#forgetting);
    this.#waiting = [];
    this.replaceChildren();
  }

  #take(message) {
    const [chat, user] = ["chat", "user"].map((name) => Number(this.getAttribute(name)));
    if (message.chat_id !== chat || message.author?.id === user) return;
    this.#waiting.push(message);
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#say(), PAUSE);
  }

  #say() {
    const messages = this.#waiting.splice(0);
    const lines = messages.length > TOLD ? [this.getAttribute("many").replace("{number}", messages.length), spoken(messages.at(-1))] : messages.map(spoken);
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
