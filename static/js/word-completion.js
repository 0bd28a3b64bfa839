// <word-completion chat user people emoji> in a form with a text field: completes the names of members after “@” and
// emoji after “:”. ↑ ↓ select, Enter or Tab accepts, Esc closes; so does a tap. The field keeps the focus and stays a
// multi-line text field: the selected option is its active descendant
// (https://www.w3.org/TR/wai-aria-1.2/#aria-activedescendant).
import { element, faceOf, folded } from "choices";
import { isComposing, isEnter } from "keys";
import { api } from "server";

const MEMBERS_MAX = 2000; // in larger chats other names must be typed in full
const OFFERED = 8;
const PERSON = /(?:^|[^\p{L}\p{M}\p{N}@/\\.+=&#%-])@([\p{L}\p{M}\p{N}._-]{0,32})$/u;
const EMOJI = /(?:^|[^\p{L}\p{M}\p{N}:/]):([\p{L}\p{M}\p{N}_+-]{2,40})$/u;
const WHOLE = /(?:^|[^\p{L}\p{M}\p{N}:/]):([\p{L}\p{M}\p{N}_+-]{2,40}):$/u;

class WordCompletion extends HTMLElement {
  #away = null; // aborts the listeners
  #field = null;
  #list = null;
  #people = null; // a promise
  #offers = []; // {text, option}
  #from = 0; // start of the word
  #closed = -1; // start of the word at which Esc was pressed
  #active = -1;
  #asked = 0;

  connectedCallback() {
    this.#away = new AbortController();
    const { signal } = this.#away;
    const form = this.closest("form");
    this.#field = form.querySelector("textarea");
    this.#list = element("div", { class: "options", id: `${this.#field.id}-options`, role: "listbox", hidden: "" });
    this.replaceChildren(this.#list);
    this.#field.setAttribute("aria-autocomplete", "list");
    this.#field.setAttribute("aria-haspopup", "listbox");
    this.#field.addEventListener("input", () => this.#look(), { signal });
    this.#field.addEventListener("click", () => this.#look(), { signal });
    this.#field.addEventListener("blur", () => this.#close(), { signal });
    form.addEventListener("submit", () => this.#close(), { signal });
    // In the capture phase: on the field itself Enter sends.
    form.addEventListener("keydown", (event) => event.target === this.#field && this.#pressed(event), {
      signal,
      capture: true,
    });
    // Keep the focus in the field while an option is pressed.
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#list.addEventListener("mousedown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#take([...this.#list.children].indexOf(option));
    });
    for (const type of ["member.added", "member.removed", "reset"])
      document.addEventListener(type, () => (this.#people = null), { signal });
    this.#look();
  }

  disconnectedCallback() {
    this.#away.abort();
  }

  async #look() {
    const asked = ++this.#asked;
    const before = this.#before;
    const [whole, emoji, person] = [WHOLE, EMOJI, PERSON].map((form) => form.exec(before)?.[1]);
    if (whole === undefined && emoji === undefined && person === undefined) {
      this.#closed = -1;
      return this.#close();
    }
    const from = before.length - (whole?.length + 2 || (emoji ?? person).length + 1);
    if (from === this.#closed || isCode(before)) return this.#close();
    try {
      const offers =
        person === undefined ? await this.#emoji(whole ?? emoji, whole !== undefined) : await this.#persons(person);
      if (asked !== this.#asked || document.activeElement !== this.#field) return;
      this.#from = from;
      if (whole !== undefined) return offers.length ? this.#write(offers[0].text) : this.#close();
      this.#show(offers, person === undefined ? this.getAttribute("emoji") : this.getAttribute("people"));
    } catch {
      this.#close(); // names can still be typed
    }
  }

  get #before() {
    const { selectionStart, selectionEnd, value } = this.#field;
    return selectionStart === selectionEnd ? value.slice(0, selectionStart) : "";
  }

  async #persons(typed) {
    this.#people ??= this.#members();
    const start = folded(typed);
    const own = Number(this.getAttribute("user"));
    const people = (await this.#people).filter(({ id }) => id !== own);
    const ranked = people.map((person) => [place(person, start), person]).filter(([rank]) => rank < 3);
    return ranked
      .sort(([a], [b]) => a - b)
      .slice(0, OFFERED)
      .map(([, person]) => ({
        text: `@${person.username} `,
        option: described(faceOf(person), `@${person.username}`, person.name),
      }));
  }

  async #members() {
    const people = [];
    let address = `/api/chats/${this.getAttribute("chat")}/members`;
    while (address && people.length < MEMBERS_MAX) {
      const answer = await api("GET", address);
      if (!answer.ok) {
        this.#people = null;
        throw new Error(`members: ${answer.status}`);
      }
      const page = await answer.json();
      people.push(...page.items.map(({ user }) => user));
      address = page.next;
    }
    return people;
  }

  async #emoji(typed, isWhole) {
    const { emojiNames, found, plain } = await import("emoji-names");
    const hits = found(await emojiNames(), typed, isWhole ? 1 : OFFERED);
    const kept = isWhole ? hits.filter(({ names }) => names.some((name) => plain(name) === plain(typed))) : hits;
    return kept.map(({ emoji, names }) => {
      const name = names.find((one) => plain(one).startsWith(plain(typed))) ?? names[0];
      return {
        text: emoji,
        option: described(element("span", { class: "emoji-sign", "aria-hidden": "true" }, emoji), `:${name}:`, ""),
      };
    });
  }

  #show(offers, label) {
    this.#offers = offers;
    if (!offers.length) return this.#close();
    this.#list.setAttribute("aria-label", label);
    this.#list.replaceChildren(
      ...offers.map(({ option }, at) => Object.assign(option, { id: `${this.#list.id}-${at}` })),
    );
    this.#list.hidden = false;
    this.#field.setAttribute("aria-controls", this.#list.id);
    this.#setActive(0);
  }

  #setActive(at) {
    this.#active = at;
    for (const [index, option] of [...this.#list.children].entries())
      option.setAttribute("aria-selected", String(index === at));
    this.#list.children[at].scrollIntoView({ block: "nearest" });
    this.#field.setAttribute("aria-activedescendant", this.#list.children[at].id);
  }

  #pressed(event) {
    if (this.#list.hidden || isComposing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.#offers.length - 1;
    if (event.key === "ArrowDown") this.#setActive(this.#active < last ? this.#active + 1 : 0);
    else if (event.key === "ArrowUp") this.#setActive(this.#active > 0 ? this.#active - 1 : last);
    else if (isEnter(event) || (event.key === "Tab" && !event.shiftKey)) this.#take(this.#active);
    else if (event.key === "Escape") {
      this.#closed = this.#from;
      this.#close();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #take(at) {
    this.#write(this.#offers[at].text);
  }

  // Replaces the word as if typed, so that it can be undone.
  #write(text) {
    const end = this.#field.selectionStart;
    this.#field.focus();
    this.#field.setSelectionRange(this.#from, end);
    if (text.endsWith(" ") && /^\s/.test(this.#field.value.slice(end))) text = text.trimEnd();
    if (!document.execCommand("insertText", false, text)) {
      this.#field.setRangeText(text, this.#from, end, "end");
      this.#field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
    this.#asked += 1;
    this.#close();
  }

  #close() {
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#offers = [];
    this.#field.removeAttribute("aria-activedescendant");
    this.#field.removeAttribute("aria-controls");
  }
}

// No completion within backticks.
function isCode(before) {
  const fences = before.match(/^ {0,3}```/gm)?.length ?? 0;
  const line = before.slice(before.lastIndexOf("\n") + 1);
  return fences % 2 === 1 || (line.match(/`/g)?.length ?? 0) % 2 === 1;
}

// The rank of a match; 3 for no match.
function place({ username, name }, start) {
  if (folded(username).startsWith(start)) return 0;
  if (folded(name).startsWith(start)) return 1;
  return folded(name)
    .split(/\s+/)
    .some((word) => word.startsWith(start))
    ? 2
    : 3;
}

function described(sign, words, more) {
  const option = element("div", { class: "option", role: "option", "aria-selected": "false" });
  const label = element("span", {}, words);
  if (more) label.append(" ", element("small", {}, more));
  option.append(sign, label);
  return option;
}

customElements.define("word-completion", WordCompletion);
