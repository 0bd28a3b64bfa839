// <chat-people chat user people online one two many>: how many of the open chat's people are there, and who is typing.
// `people` is a map of id to name; the other words are what is said, with {number}, {name} and {other} to be filled in.

const FORGOTTEN_AFTER = 5000; // ms
const PAUSE = 150; // presence comes in a swarm

class ChatPeople extends HTMLElement {
  #chat = Number(this.getAttribute("chat"));
  #user = Number(this.getAttribute("user"));
  #people = new Map(Object.entries(JSON.parse(this.getAttribute("people"))).map(([id, name]) => [Number(id), name]));
  #there = new Set();
  #typing = new Map(); // id -> timer
  #timer = 0;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const on = (type, act) => document.addEventListener(type, ({ detail }) => act(detail), { signal: this.#listening.signal });
    this.#there = new Set(document.querySelector("live-stream").online);
    const here = (act) => (detail) => detail.chat_id === this.#chat && act(detail);
    on("presence", ({ user_id, online }) => this.#come(user_id, online));
    on("hello", () => this.#there.clear());
    on("connection", () => this.#soon());
    on("typing", here(({ user_id }) => this.#type(user_id)));
    on("message.created", here(({ author }) => author && this.#rest(author.id)));
    on("member.added", here(({ user }) => this.#people.set(user.id, user.username)));
    on("member.removed", here(({ user }) => this.#leave(user.id)));
    this.#soon();
  }

  disconnectedCallback() {
    this.#listening.abort();
    clearTimeout(this.#timer);
    for (const id of [...this.#typing.keys()]) this.#rest(id);
  }

  #come(id, online) {
    this.#there[online ? "add" : "delete"](id);
    if (!online) this.#rest(id);
    this.#soon();
  }

  #leave(id) {
    this.#people.delete(id);
    this.#rest(id);
    this.#soon();
  }

  #type(id) {
    if (id === this.#user || !this.#people.has(id)) return;
    clearTimeout(this.#typing.get(id));
    this.#typing.set(id, setTimeout(() => this.#rest(id), FORGOTTEN_AFTER));
    this.#tell();
  }

  #rest(id) {
    clearTimeout(this.#typing.get(id));
    if (this.#typing.delete(id)) this.#tell();
  }

  #tell() {
    const line = this.closest(".pane")?.querySelector(".typing");
    if (!line) return;
    const names = [...this.#typing.keys()].map((id) => this.#people.get(id)).filter(Boolean);
    const words = ["", "one", "two", "many"][Math.min(names.length, 3)];
    line.hidden = !names.length;
    line.lastElementChild.textContent = names.length ? this.#say(words, { name: names[0], other: names[1] }) : "";
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#count(), PAUSE);
  }

  // Oneself counts; alone, one knows.
  #count() {
    const others = [...this.#there].filter((id) => id !== this.#user && this.#people.has(id));
    this.textContent = others.length ? ` · ${this.#say("online", { number: others.length + 1 })}` : "";
  }

  #say(words, values) {
    return this.getAttribute(words).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }
}

customElements.define("chat-people", ChatPeople);
