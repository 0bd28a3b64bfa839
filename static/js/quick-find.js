// <quick-find>: one field for chats, people and messages. Listed chats are filtered at once; the server adds the rest
// while one types. An editable combobox with a listbox popup (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/): the
// focus stays in the field. The first result is selected; arrows select another, Enter opens it, or the search page if
// none is selected.
import { element, faceOf, faceOfChat, folded } from "choices";
import { isComposing, isEnter } from "keys";
import { leave } from "navigation";
import { api, parseHtml, SignedOut } from "server";
import { updateInPlace } from "update-in-place";

const PAUSE = 80; // ms without a key before the server is asked
const RESULTS_MAX = 6; // results per kind

class QuickFind extends HTMLElement {
  #dialog = null;
  #input;
  #list;
  #note;
  #timer = 0;
  #request = null; // AbortController of the current request
  #results = { people: [], messages: [] };
  #isUserSelected = false; // by keyboard or pointer: later results don't change the selection
  #isEager = false; // Enter was pressed before there were results
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    // A page from the back/forward cache must not show the dialog.
    addEventListener("pagehide", () => this.#dialog?.close(), { signal });
  }

  disconnectedCallback() {
    this.#listening?.abort();
    this.#cancelRequest();
    this.#dialog?.remove();
    this.#dialog = null;
  }

  // Called with the dialog open; text and Enter may have been typed already.
  find(isEntered) {
    if (!this.#dialog) this.#connect();
    if (!this.#dialog.open) return;
    this.#onInput();
    if (isEntered) this.#onEnter();
  }

  #connect() {
    this.#dialog = this.querySelector("dialog");
    this.#input = this.querySelector("input");
    this.#list = this.querySelector("[role=listbox]");
    this.#note = this.querySelector("[role=status]");
    this.#input.addEventListener("input", () => this.#onInput());
    this.#input.addEventListener("keydown", (event) => this.#onKeydown(event));
    this.#input.form.addEventListener("submit", (event) => this.#input.value.trim() || event.preventDefault());
    this.#list.addEventListener("pointermove", (event) => this.#select(event.target.closest("[role=option]")));
    this.#dialog.querySelector("[name=close]").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#cancelRequest());
    this.#dialog.addEventListener("click", (event) => {
      // Close it on a click outside, and on links that <chat-pages> opens without a page load.
      if (event.target === this.#dialog || (event.target.closest("[role=option]") && isPlain(event)))
        this.#dialog.close();
    });
  }

  get #options() {
    return [...this.#list.querySelectorAll("[role=option]")];
  }

  get #active() {
    return this.#list.querySelector("[aria-selected=true]");
  }

  #cancelRequest() {
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.#request = null;
    this.#isEager = false;
  }

  #onInput() {
    this.#cancelRequest();
    this.#isUserSelected = false;
    const q = this.#input.value.trim();
    // Keep the last results until new ones arrive, so that the list does not flicker.
    if (!q) this.#results = { people: [], messages: [] };
    this.#show(listedChats(q));
    this.#note.textContent = "";
    this.#request = q ? new AbortController() : null;
    if (q) this.#timer = setTimeout(() => this.#fetchResults(q, this.#request.signal), PAUSE);
  }

  async #fetchResults(q, signal) {
    try {
      const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
      const response = await api(
        "GET",
        `/api/find?${new URLSearchParams({ q, limit: RESULTS_MAX, zone })}`,
        null,
        {},
        { signal },
      );
      if (!response.ok) throw new Error(String(response.status));
      this.#results = await response.json();
      this.#show(merged(listedChats(q), this.#results.chats));
      this.#request = null;
      const number = this.#options.length;
      this.#note.textContent =
        this.#results.hints.join(" ") || this.getAttribute(number ? "found" : "nothing").replace("{number}", number);
      if (this.#isEager) this.#open();
    } catch (error) {
      if (error instanceof SignedOut) return location.reload();
      if (signal.aborted) return;
      this.#request = null;
      this.#results = { people: [], messages: [] };
      this.#show(listedChats(q));
      this.#note.textContent = this.getAttribute("failed");
    }
  }

  #show(chats) {
    const chosen = this.#active?.getAttribute("href");
    const groups = [
      this.#group("chats", chats.slice(0, RESULTS_MAX).map(chatOption)),
      this.#group("people", this.#results.people.map(personOption)),
      this.#group(
        "messages",
        this.#results.messages.map((message) => messageOption(message, this.getAttribute("gone"))),
      ),
    ];
    const list = this.#list.cloneNode();
    list.append(...groups.filter(Boolean));
    updateInPlace(this.#list, list);
    for (const [at, option] of this.#options.entries()) option.id = `quick-find-${at}`;
    this.#list.hidden = !this.#list.children.length;
    this.#input.setAttribute("aria-expanded", String(!this.#list.hidden));
    const first = this.#input.value.trim() ? this.#options[0] : null;
    const kept = this.#isUserSelected && this.#options.find((option) => option.getAttribute("href") === chosen);
    this.#setActive(kept || first || null);
  }

  #group(name, options) {
    if (!options.length) return null;
    const title = element(
      "div",
      { id: `quick-find-${name}`, class: "legend", role: "presentation" },
      this.getAttribute(name),
    );
    return element("div", { role: "group", "aria-labelledby": title.id }, title, ...options);
  }

  #onKeydown(event) {
    if (isComposing(event)) return;
    const options = this.#options;
    const at = options.indexOf(this.#active);
    const steps = { ArrowDown: at + 1, ArrowUp: at < 0 ? options.length - 1 : at - 1 };
    if (event.key in steps && options.length) {
      event.preventDefault();
      // Past either end the field itself is selected, as in the pattern.
      this.#select(options[steps[event.key]] ?? null);
      this.#active?.scrollIntoView({ block: "nearest" });
    } else if (isEnter(event)) {
      event.preventDefault();
      this.#onEnter();
    } else if (event.key === "Escape") {
      // The browser would clear the search field first.
      event.preventDefault();
      this.#dialog.close();
    }
  }

  #onEnter() {
    if (!this.#options.length && this.#request) this.#isEager = true;
    else this.#open();
  }

  #open() {
    if (this.#active) this.#active.click();
    else if (this.#input.value.trim())
      leave(`${this.#input.form.action}?${new URLSearchParams(new FormData(this.#input.form))}`);
  }

  #select(option) {
    this.#isUserSelected = true;
    this.#setActive(option);
  }

  #setActive(option) {
    if (option === this.#active && option) return;
    this.#active?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    if (option) this.#input.setAttribute("aria-activedescendant", option.id);
    else this.#input.removeAttribute("aria-activedescendant");
  }
}

// Listed chats whose title has a word beginning with each typed word.
function listedChats(q) {
  const wanted = folded(q).split(" ").filter(Boolean);
  const rows = [...document.querySelectorAll("chat-list [data-chat]")].map((row) => {
    const link = row.querySelector("a");
    return { id: Number(row.dataset.chat), url: link.getAttribute("href"), title: link.firstChild.textContent.trim() };
  });
  return rows.filter(({ title }) =>
    wanted.every((word) =>
      folded(title)
        .split(" ")
        .some((part) => part.startsWith(word)),
    ),
  );
}

function merged(listed, found) {
  const known = new Set(listed.map(({ id }) => id));
  return [...listed, ...found.filter(({ id }) => !known.has(id))];
}

function chatOption(chat) {
  return optionElement(chat.url, faceOfChat(chat), chat.title);
}

function personOption(person) {
  return optionElement(
    person.url,
    faceOf(person),
    person.name || person.username,
    person.name ? `@${person.username}` : "",
  );
}

function messageOption({ url, author, chat_title, snippet }, gone) {
  const excerpt = element("span", { class: "quick-find-snippet" }, ...parseHtml(snippet).childNodes);
  return optionElement(
    url,
    faceOf(author),
    excerpt,
    `${author ? author.name || author.username : gone} · ${chat_title}`,
  );
}

function optionElement(url, picture, text, note = "") {
  const small = note ? [element("small", {}, note)] : [];
  const label = element("span", { class: "quick-find-words" }, text, ...small);
  return element(
    "a",
    { class: "option", role: "option", "aria-selected": "false", tabindex: "-1", href: url },
    picture,
    label,
  );
}

function isPlain(event) {
  return !event.ctrlKey && !event.metaKey && !event.shiftKey;
}

customElements.define("quick-find", QuickFind);
