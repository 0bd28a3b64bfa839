// <message-editor>: edits a message in its row. It opens synchronously, with the source text from the link's
// `data-text`. Enter saves, Shift+Enter breaks the line (on touch screens the button saves), Esc cancels. Unsaved text
// is kept in sessionStorage.
import { isComposing, isEnter } from "keys";
import { api, reasonOf, SignedOut } from "server";

class MessageEditor extends HTMLElement {
  #id = 0;
  #known = ""; // the message's current text
  #back = null;
  #life = null;
  #form = this.querySelector("form");
  #text = this.querySelector("textarea");
  #wrong = this.querySelector(".error");

  // `back` is the link if it was used by keyboard, to return the focus to.
  begin(link, back) {
    const row = link.closest("article");
    // An edit begun in another row stays in sessionStorage.
    document.querySelector("message-editor")?.remove();
    this.#id = Number(row.id.slice("message-".length));
    this.#known = link.dataset.text;
    this.#back = back?.getAttribute("href") ?? null;
    this.#text.value = sessionStorage.getItem(this.#shelf) ?? this.#known;
    this.standIn(row, true);
    this.#text.setSelectionRange(this.#text.value.length, this.#text.value.length);
    this.scrollIntoView({ block: "nearest" });
  }

  connectedCallback() {
    this.#life = new AbortController();
    const { signal } = this.#life;
    const on = (what, type, act) => what.addEventListener(type, act, { signal });
    on(this.#form, "submit", (event) => this.#save(event));
    on(this.#form.elements.leave, "click", () => this.leave());
    on(this.#text, "keydown", (event) => this.#pressed(event));
    on(this.#text, "input", () => this.#keep());
    on(document, "message.updated", ({ detail }) => detail.id === this.#id && this.#changed(detail));
    on(document, "message.deleted", ({ detail }) => detail.id === this.#id && this.#showError("gone"));
    tellComposer(true);
  }

  disconnectedCallback() {
    this.#life.abort();
    tellComposer(false);
  }

  // Moves the editor into a row.
  standIn(row, hadFocus) {
    const next = row.querySelector(":scope > :is(.prose, .attachments, .edited, .message-actions)");
    if (next) next.before(this);
    else row.append(this);
    if (hadFocus) this.#text.focus();
  }

  leave() {
    sessionStorage.removeItem(this.#shelf);
    this.remove();
    this.#goBack();
  }

  get #shelf() {
    return `edit ${messageList().getAttribute("user")} ${this.#id}`;
  }

  #keep() {
    if (this.#text.value === this.#known) sessionStorage.removeItem(this.#shelf);
    else sessionStorage.setItem(this.#shelf, this.#text.value);
  }

  #pressed(event) {
    if (event.defaultPrevented || isComposing(event)) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.leave();
    } else if (isEnter(event) && !isTouch()) {
      event.preventDefault();
      if (!event.repeat) this.#form.requestSubmit();
    }
  }

  // Shows the new text at once; if saving fails, the editor comes back with it.
  async #save(event) {
    event.preventDefault();
    const id = this.#id;
    const text = this.#text.value;
    if (text === this.#known) return this.leave();
    this.#keep();
    const undo = this.#showSaved(text);
    this.remove();
    this.#goBack();
    let answer, body;
    try {
      answer = await inTurn(id, () => api("PATCH", `/api/messages/${id}`, { text }));
      body = await answer.json();
    } catch (error) {
      return this.#comeBack(undo, error instanceof SignedOut ? "out" : "unreachable");
    }
    if (!answer.ok) return this.#comeBack(undo, answer.status === 404 ? "gone" : null, reasonOf(body));
    // Another edit may have begun meanwhile.
    if (sessionStorage.getItem(this.#shelf) === text) sessionStorage.removeItem(this.#shelf);
    document.dispatchEvent(new CustomEvent("message.updated", { detail: body }));
  }

  #showSaved(text) {
    const row = this.closest("article");
    const [old, shown] = [row.querySelector(":scope > .prose"), document.createElement("div")];
    shown.className = "prose";
    shown.append(document.createElement("p"));
    shown.firstChild.append(
      ...text.split("\n").flatMap((line, at) => (at ? [document.createElement("br"), line] : [line])),
    );
    row.classList.add("is-sending");
    if (old) old.replaceWith(shown);
    else this.before(shown);
    return () => {
      if (!row.matches(".is-sending")) return; // the server's rendering has come
      row.classList.remove("is-sending");
      if (old) shown.replaceWith(old);
      else shown.remove();
    };
  }

  #comeBack(undo, why, words) {
    undo();
    const row = document.getElementById(`message-${this.#id}`);
    if (!row) return;
    // Another editor may be open: this text stays in sessionStorage.
    if (document.querySelector("message-editor")) return;
    this.standIn(row, true);
    this.#showError(why, words);
  }

  #changed(message) {
    if (message.text !== this.#known && message.text !== this.#text.value) this.#showError("changed");
    this.#known = message.text;
  }

  #showError(why, words = "") {
    this.#wrong.hidden = false;
    this.#wrong.querySelector("span").textContent = words || this.#wrong.dataset[why];
  }

  // Returns the focus to the link, or to the message field, unless that would open the on-screen keyboard.
  #goBack() {
    const link = this.#back && document.querySelector(`.message-actions a[href="${CSS.escape(this.#back)}"]`);
    if (link) link.focus();
    else if (isTouch()) messageList().focus();
    else document.querySelector("chat-composer textarea")?.focus();
  }
}

const changes = new Map(); // message id -> promise of the last change

// Sends the changes of one message in the order in which they were saved.
function inTurn(id, change) {
  const turn = (changes.get(id) ?? Promise.resolve()).catch(() => {}).then(change);
  changes.set(id, turn);
  return turn;
}

function isTouch() {
  return matchMedia("(hover: none) and (pointer: coarse)").matches;
}

function messageList() {
  return document.querySelector("message-list");
}

function tellComposer(on) {
  document.dispatchEvent(new CustomEvent("editing", { detail: { on } }));
}

customElements.define("message-editor", MessageEditor);
