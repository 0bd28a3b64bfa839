// <chat-people chat user people online one two many>: how many of the chat's people are online, and who is typing.
// `people` maps ids to names; the other attributes are texts with the placeholders {number}, {name} and {other}.

const TYPING_FOR = 5000; // ms
const PAUSE = 150; // ms; presence events come in bursts

class ChatPeople extends HTMLElement {
  #chat = Number(this.getAttribute("chat"));
  #user = Number(this.getAttribute("user"));
  #people = new Map(Object.entries(JSON.parse(this.getAttribute("people"))).map(([id, name]) => [Number(id), name]));
  #online = new Set();
  #typing = new Map(); // id -> timer
  #timer = 0;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const on = (type, handler) =>
      document.addEventListener(type, ({ detail }) => handler(detail), { signal: this.#listening.signal });
    this.#online = new Set(document.querySelector("live-stream").online);
    const inThisChat = (handler) => (detail) => detail.chat_id === this.#chat && handler(detail);
    on("presence", ({ user_id, online }) => this.#onPresence(user_id, online));
    on("hello", () => this.#online.clear());
    on("connection", () => this.#scheduleUpdate());
    on(
      "typing",
      inThisChat(({ user_id }) => this.#onTyping(user_id)),
    );
    on(
      "message.created",
      inThisChat(({ author }) => author && this.#stopTyping(author.id)),
    );
    for (const type of ["member.added", "member.updated", "member.removed"])
      on(
        type,
        inThisChat((detail) => this.#onMembers(detail)),
      );
    this.#scheduleUpdate();
  }

  disconnectedCallback() {
    this.#listening.abort();
    clearTimeout(this.#timer);
    for (const id of [...this.#typing.keys()]) this.#stopTyping(id);
  }

  #onPresence(id, online) {
    this.#online[online ? "add" : "delete"](id);
    if (!online) this.#stopTyping(id);
    this.#scheduleUpdate();
  }

  // In a large chat the server does not say who is online.
  #onMembers({ people, member_count }) {
    const known = people.length < member_count ? [] : people;
    this.#people = new Map(known.map(({ id, label }) => [id, label]));
    this.setAttribute("people", JSON.stringify(Object.fromEntries(this.#people)));
    for (const id of [...this.#typing.keys()]) if (!this.#people.has(id)) this.#stopTyping(id);
    this.#scheduleUpdate();
  }

  #onTyping(id) {
    if (id === this.#user || !this.#people.has(id)) return;
    clearTimeout(this.#typing.get(id));
    this.#typing.set(
      id,
      setTimeout(() => this.#stopTyping(id), TYPING_FOR),
    );
    this.#showTyping();
  }

  #stopTyping(id) {
    clearTimeout(this.#typing.get(id));
    if (this.#typing.delete(id)) this.#showTyping();
  }

  #showTyping() {
    const line = this.closest(".pane")?.querySelector(".typing");
    if (!line) return;
    const names = [...this.#typing.keys()].map((id) => this.#people.get(id)).filter(Boolean);
    const textName = ["", "one", "two", "many"][Math.min(names.length, 3)];
    line.hidden = !names.length;
    line.lastElementChild.textContent = names.length ? this.#fill(textName, { name: names[0], other: names[1] }) : "";
  }

  #scheduleUpdate() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#update(), PAUSE);
  }

  // The number includes the reader; alone, nothing is shown.
  #update() {
    const others = [...this.#online].filter((id) => id !== this.#user && this.#people.has(id));
    this.textContent = others.length ? ` · ${this.#fill("online", { number: others.length + 1 })}` : "";
  }

  #fill(textName, values) {
    return this.getAttribute(textName).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }
}

customElements.define("chat-people", ChatPeople);
