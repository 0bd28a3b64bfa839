// <chat-people chat user people online one two many>: how many of the chat's people are online, and who is typing.
// `people` maps ids to names; the other attributes are texts with the placeholders {number}, {name} and {other}.

const FORGOTTEN_AFTER = 5000; // ms
const PAUSE = 150; // ms; presence events come in bursts

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
    const on = (type, act) =>
      document.addEventListener(type, ({ detail }) => act(detail), { signal: this.#listening.signal });
    this.#there = new Set(document.querySelector("live-stream").online);
    const here = (act) => (detail) => detail.chat_id === this.#chat && act(detail);
    on("presence", ({ user_id, online }) => this.#come(user_id, online));
    on("hello", () => this.#there.clear());
    on("connection", () => this.#soon());
    on(
      "typing",
      here(({ user_id }) => this.#type(user_id)),
    );
    on(
      "message.created",
      here(({ author }) => author && this.#rest(author.id)),
    );
    for (const type of ["member.added", "member.updated", "member.removed"])
      on(
        type,
        here((detail) => this.#meet(detail)),
      );
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

  // The people of a large chat are not told who is online.
  #meet({ people, member_count }) {
    const known = people.length < member_count ? [] : people;
    this.#people = new Map(known.map(({ id, label }) => [id, label]));
    this.setAttribute("people", JSON.stringify(Object.fromEntries(this.#people)));
    for (const id of [...this.#typing.keys()]) if (!this.#people.has(id)) this.#rest(id);
    this.#soon();
  }

  #type(id) {
    if (id === this.#user || !this.#people.has(id)) return;
    clearTimeout(this.#typing.get(id));
    this.#typing.set(
      id,
      setTimeout(() => this.#rest(id), FORGOTTEN_AFTER),
    );
    this.#showTyping();
  }

  #rest(id) {
    clearTimeout(this.#typing.get(id));
    if (this.#typing.delete(id)) this.#showTyping();
  }

  #showTyping() {
    const line = this.closest(".pane")?.querySelector(".typing");
    if (!line) return;
    const names = [...this.#typing.keys()].map((id) => this.#people.get(id)).filter(Boolean);
    const words = ["", "one", "two", "many"][Math.min(names.length, 3)];
    line.hidden = !names.length;
    line.lastElementChild.textContent = names.length ? this.#fill(words, { name: names[0], other: names[1] }) : "";
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#count(), PAUSE);
  }

  // The number includes the reader; alone, nothing is shown.
  #count() {
    const others = [...this.#there].filter((id) => id !== this.#user && this.#people.has(id));
    this.textContent = others.length ? ` · ${this.#fill("online", { number: others.length + 1 })}` : "";
  }

  #fill(words, values) {
    return this.getAttribute(words).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }
}

customElements.define("chat-people", ChatPeople);
