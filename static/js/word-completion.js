// <word-completion chat user people emoji> in a form with a text field: completes the names of members after “@” and
// emoji after “:”. ↑ ↓ select, Enter or Tab accepts, Esc closes; so does a tap. The field keeps the focus and stays a
// multi-line text field: the selected option is its active descendant
// (https://www.w3.org/TR/wai-aria-1.2/#aria-activedescendant).
import { element, faceOf, folded } from "choices";
import { isComposing, isEnter } from "keys";
import { api } from "server";

const MEMBERS_MAX = 2000; // in larger chats other names must be typed in full
const OPTIONS_MAX = 8;
const PERSON = /(?:^|[^\p{L}\p{M}\p{N}@/\\.+=&#%-])@([\p{L}\p{M}\p{N}._-]{0,32})$/u;
const EMOJI = /(?:^|[^\p{L}\p{M}\p{N}:/]):([\p{L}\p{M}\p{N}_+-]{2,40})$/u;
const WHOLE_EMOJI = /(?:^|[^\p{L}\p{M}\p{N}:/]):([\p{L}\p{M}\p{N}_+-]{2,40}):$/u;

class WordCompletion extends HTMLElement {
  #listening = null;
  #field = null;
  #list = null;
  #people = null; // a promise
  #completions = []; // {text, option}
  #wordStart = 0;
  #dismissedAt = -1; // start of the word at which Esc was pressed
  #active = -1;
  #requestId = 0;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const form = this.closest("form");
    this.#field = form.querySelector("textarea");
    this.#list = element("div", { class: "options", id: `${this.#field.id}-options`, role: "listbox", hidden: "" });
    this.replaceChildren(this.#list);
    this.#field.setAttribute("aria-autocomplete", "list");
    this.#field.setAttribute("aria-haspopup", "listbox");
    this.#field.addEventListener("input", () => this.#update(), { signal });
    this.#field.addEventListener("click", () => this.#update(), { signal });
    this.#field.addEventListener("blur", () => this.#close(), { signal });
    form.addEventListener("submit", () => this.#close(), { signal });
    // In the capture phase: on the field itself Enter sends.
    form.addEventListener("keydown", (event) => event.target === this.#field && this.#onKeydown(event), {
      signal,
      capture: true,
    });
    // Keep the focus in the field while an option is pressed.
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#list.addEventListener("mousedown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#accept([...this.#list.children].indexOf(option));
    });
    for (const type of ["member.added", "member.removed", "reset"])
      document.addEventListener(type, () => (this.#people = null), { signal });
    this.#update();
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  async #update() {
    const requestId = ++this.#requestId;
    const textBefore = this.#textBefore;
    const [whole, emoji, person] = [WHOLE_EMOJI, EMOJI, PERSON].map((pattern) => pattern.exec(textBefore)?.[1]);
    if (whole === undefined && emoji === undefined && person === undefined) {
      this.#dismissedAt = -1;
      return this.#close();
    }
    const wordStart = textBefore.length - (whole?.length + 2 || (emoji ?? person).length + 1);
    if (wordStart === this.#dismissedAt || isCode(textBefore)) return this.#close();
    try {
      const completions =
        person === undefined
          ? await this.#matchingEmoji(whole ?? emoji, whole !== undefined)
          : await this.#matchingPeople(person);
      if (requestId !== this.#requestId || document.activeElement !== this.#field) return;
      this.#wordStart = wordStart;
      if (whole !== undefined) return completions.length ? this.#insert(completions[0].text) : this.#close();
      this.#show(completions, person === undefined ? this.getAttribute("emoji") : this.getAttribute("people"));
    } catch {
      this.#close(); // names can still be typed
    }
  }

  get #textBefore() {
    const { selectionStart, selectionEnd, value } = this.#field;
    return selectionStart === selectionEnd ? value.slice(0, selectionStart) : "";
  }

  async #matchingPeople(typed) {
    this.#people ??= this.#members();
    const start = folded(typed);
    const own = Number(this.getAttribute("user"));
    const people = (await this.#people).filter(({ id }) => id !== own);
    const ranked = people.map((person) => [rankOf(person, start), person]).filter(([rank]) => rank < 3);
    return ranked
      .sort(([a], [b]) => a - b)
      .slice(0, OPTIONS_MAX)
      .map(([, person]) => ({
        text: `@${person.username} `,
        option: optionElement(faceOf(person), `@${person.username}`, person.name),
      }));
  }

  async #members() {
    const people = [];
    let url = `/api/chats/${this.getAttribute("chat")}/members`;
    while (url && people.length < MEMBERS_MAX) {
      const response = await api("GET", url);
      if (!response.ok) {
        this.#people = null;
        throw new Error(`members: ${response.status}`);
      }
      const page = await response.json();
      people.push(...page.items.map(({ user }) => user));
      url = page.next;
    }
    return people;
  }

  async #matchingEmoji(typed, isWhole) {
    const { emojiNames, findEmoji, normalizeName } = await import("emoji-names");
    const hits = findEmoji(await emojiNames(), typed, isWhole ? 1 : OPTIONS_MAX);
    const kept = isWhole
      ? hits.filter(({ names }) => names.some((name) => normalizeName(name) === normalizeName(typed)))
      : hits;
    return kept.map(({ emoji, names }) => {
      const name = names.find((alias) => normalizeName(alias).startsWith(normalizeName(typed))) ?? names[0];
      return {
        text: emoji,
        option: optionElement(element("span", { class: "emoji-sign", "aria-hidden": "true" }, emoji), `:${name}:`, ""),
      };
    });
  }

  #show(completions, label) {
    this.#completions = completions;
    if (!completions.length) return this.#close();
    this.#list.setAttribute("aria-label", label);
    this.#list.replaceChildren(
      ...completions.map(({ option }, at) => Object.assign(option, { id: `${this.#list.id}-${at}` })),
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

  #onKeydown(event) {
    if (this.#list.hidden || isComposing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.#completions.length - 1;
    if (event.key === "ArrowDown") this.#setActive(this.#active < last ? this.#active + 1 : 0);
    else if (event.key === "ArrowUp") this.#setActive(this.#active > 0 ? this.#active - 1 : last);
    else if (isEnter(event) || (event.key === "Tab" && !event.shiftKey)) this.#accept(this.#active);
    else if (event.key === "Escape") {
      this.#dismissedAt = this.#wordStart;
      this.#close();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #accept(at) {
    this.#insert(this.#completions[at].text);
  }

  // Replaces the word as if typed, so that it can be undone.
  #insert(text) {
    const end = this.#field.selectionStart;
    this.#field.focus();
    this.#field.setSelectionRange(this.#wordStart, end);
    if (text.endsWith(" ") && /^\s/.test(this.#field.value.slice(end))) text = text.trimEnd();
    if (!document.execCommand("insertText", false, text)) {
      this.#field.setRangeText(text, this.#wordStart, end, "end");
      this.#field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
    this.#requestId += 1;
    this.#close();
  }

  #close() {
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#completions = [];
    this.#field.removeAttribute("aria-activedescendant");
    this.#field.removeAttribute("aria-controls");
  }
}

// No completion within backticks.
function isCode(textBefore) {
  const fences = textBefore.match(/^ {0,3}```/gm)?.length ?? 0;
  const line = textBefore.slice(textBefore.lastIndexOf("\n") + 1);
  return fences % 2 === 1 || (line.match(/`/g)?.length ?? 0) % 2 === 1;
}

// The rank of a match; 3 for no match.
function rankOf({ username, name }, start) {
  if (folded(username).startsWith(start)) return 0;
  if (folded(name).startsWith(start)) return 1;
  return folded(name)
    .split(/\s+/)
    .some((word) => word.startsWith(start))
    ? 2
    : 3;
}

function optionElement(icon, text, note) {
  const option = element("div", { class: "option", role: "option", "aria-selected": "false" });
  const label = element("span", {}, text);
  if (note) label.append(" ", element("small", {}, note));
  option.append(icon, label);
  return option;
}

customElements.define("word-completion", WordCompletion);
