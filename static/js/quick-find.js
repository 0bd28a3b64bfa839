// <quick-find>: one field for chats, people and messages. What the list of chats shows is looked through at once; the
// server adds the rest while one types. An editable combobox with a listbox popup:
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ – the focus stays in the field, arrows choose, Enter opens.
import { element, faceOf, faceOfChat, folded } from "choices";
import { api, parsed, SignedOut } from "server";

const PAUSE = 80; // ms without a key before the server is asked
const EACH = 6; // of a kind

class QuickFind extends HTMLElement {
  #dialog = null;
  #input;
  #list;
  #note;
  #timer = 0;
  #asking = null; // an AbortController of the question under way
  #found = { people: [], messages: [] };
  #life = null;

  connectedCallback() {
    this.#life = new AbortController();
    const { signal } = this.#life;
    // A page that is left for another one in the browser's history must not come back with the dialog open.
    addEventListener("pagehide", () => this.#dialog?.close(), { signal });
  }

  disconnectedCallback() {
    this.#life?.abort();
    this.#quiet();
    this.#dialog?.remove();
    this.#dialog = null;
  }

  // The dialog is open, and something may be typed in it already.
  find() {
    if (!this.#dialog) this.#listen();
    if (this.#dialog.open) this.#typed();
  }

  #listen() {
    this.#dialog = this.querySelector("dialog");
    this.#input = this.querySelector("input");
    this.#list = this.querySelector("[role=listbox]");
    this.#note = this.querySelector("[role=status]");
    this.#input.addEventListener("input", () => this.#typed());
    this.#input.addEventListener("keydown", (event) => this.#pressed(event));
    this.#list.addEventListener("pointermove", (event) => this.#point(event.target.closest("[role=option]")));
    this.#dialog.querySelector("[name=close]").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#quiet());
    this.#dialog.addEventListener("click", (event) => {
      // Beside the dialog, or on what leads away: where a link opens the page without a load, nobody else would close it.
      if (event.target === this.#dialog || (event.target.closest("[role=option]") && isPlain(event))) this.#dialog.close();
    });
  }

  get #options() {
    return [...this.#list.querySelectorAll("[role=option]")];
  }

  get #active() {
    return this.#list.querySelector("[aria-selected=true]");
  }

  #quiet() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  #typed() {
    this.#quiet();
    const q = this.#input.value.trim();
    // What the last answer said stays until the next one comes, so that the list does not flicker.
    if (!q) this.#found = { people: [], messages: [] };
    this.#show(listedChats(q));
    this.#note.textContent = "";
    if (q) this.#timer = setTimeout(() => this.#ask(q), PAUSE);
  }

  async #ask(q) {
    const { signal } = (this.#asking = new AbortController());
    try {
      const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
      const answer = await api("GET", `/api/find?${new URLSearchParams({ q, limit: EACH, zone })}`, null, {}, { signal });
      if (!answer.ok) throw new Error(String(answer.status));
      this.#found = await answer.json();
      this.#show(merged(listedChats(q), this.#found.chats));
      const number = this.#options.length;
      this.#note.textContent = this.#found.hints.join(" ") || this.getAttribute(number ? "found" : "nothing").replace("{number}", number);
    } catch (error) {
      if (error instanceof SignedOut) return location.reload();
      if (signal.aborted) return;
      this.#found = { people: [], messages: [] };
      this.#show(listedChats(q));
      this.#note.textContent = this.getAttribute("failed");
    }
  }

  #show(chats) {
    const chosen = this.#active?.getAttribute("href");
    const groups = [
      this.#group("chats", chats.slice(0, EACH).map(chatOption)),
      this.#group("people", this.#found.people.map(personOption)),
      this.#group("messages", this.#found.messages.map((message) => messageOption(message, this.getAttribute("gone")))),
    ];
    this.#list.replaceChildren(...groups.filter(Boolean));
    for (const [at, option] of this.#options.entries()) option.id = `quick-find-${at}`;
    this.#list.hidden = !this.#list.children.length;
    this.#input.setAttribute("aria-expanded", String(!this.#list.hidden));
    this.#point(this.#options.find((option) => option.getAttribute("href") === chosen) ?? null);
  }

  #group(name, options) {
    if (!options.length) return null;
    const title = element("div", { id: `quick-find-${name}`, class: "legend", role: "presentation" }, this.getAttribute(name));
    return element("div", { role: "group", "aria-labelledby": title.id }, title, ...options);
  }

  #pressed(event) {
    if (event.isComposing) return;
    const options = this.#options;
    const at = options.indexOf(this.#active);
    const steps = { ArrowDown: at + 1, ArrowUp: at < 0 ? options.length - 1 : at - 1 };
    if (event.key in steps && options.length) {
      event.preventDefault();
      // Past either end is the field itself, as the pattern has it.
      this.#point(options[steps[event.key]] ?? null);
      this.#active?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      options[at].click();
    } else if (event.key === "Escape") {
      // Browsers would only empty a search field first.
      event.preventDefault();
      this.#dialog.close();
    }
  }

  #point(option) {
    if (option === this.#active && option) return;
    this.#active?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    if (option) this.#input.setAttribute("aria-activedescendant", option.id);
    else this.#input.removeAttribute("aria-activedescendant");
  }
}

// The chats beside the page in whose title every word begins a word.
function listedChats(q) {
  const wanted = folded(q).split(" ").filter(Boolean);
  const rows = [...document.querySelectorAll("chat-list [data-chat]")].map((row) => {
    const link = row.querySelector("a");
    return { id: Number(row.dataset.chat), url: link.getAttribute("href"), title: link.firstChild.textContent.trim() };
  });
  return rows.filter(({ title }) => wanted.every((word) => folded(title).split(" ").some((part) => part.startsWith(word))));
}

function merged(listed, asked) {
  const known = new Set(listed.map(({ id }) => id));
  return [...listed, ...asked.filter(({ id }) => !known.has(id))];
}

function chatOption(chat) {
  return option(chat.url, faceOfChat(chat), chat.title);
}

function personOption(person) {
  return option(person.url, faceOf(person), person.name || person.username, person.name ? `@${person.username}` : "");
}

function messageOption({ url, author, chat_title, snippet }, gone) {
  const said = element("span", { class: "quick-find-said" }, ...parsed(snippet).childNodes);
  return option(url, faceOf(author), said, `${author ? author.name || author.username : gone} · ${chat_title}`);
}

function option(url, picture, words, note = "") {
  const small = note ? [element("small", {}, note)] : [];
  const told = element("span", { class: "quick-find-words" }, words, ...small);
  return element("a", { class: "option", role: "option", "aria-selected": "false", tabindex: "-1", href: url }, picture, told);
}

function isPlain(event) {
  return !event.ctrlKey && !event.metaKey && !event.shiftKey;
}

customElements.define("quick-find", QuickFind);
