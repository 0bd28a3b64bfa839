// <message-editor>: edits a message in its row. It opens synchronously, with the source text from the link's
// `data-text`. Enter saves, Shift+Enter breaks the line (on touch screens the button saves), Esc cancels. Unsaved text
// is kept in sessionStorage.
import { isComposing, isEnter } from "keys";
import { api, reasonOf, SignedOut } from "server";

class MessageEditor extends HTMLElement {
  #id = 0;
  #currentText = ""; // the message's current text
  #focusBack = null;
  #listening = null;
  #form = this.querySelector("form");
  #text = this.querySelector("textarea");
  #error = this.querySelector(".error");

  // `back` is the link if it was used by keyboard, to return the focus to.
  begin(link, back) {
    const row = link.closest("article");
    // An edit begun in another row stays in sessionStorage.
    document.querySelector("message-editor")?.remove();
    this.#id = Number(row.id.slice("message-".length));
    this.#currentText = link.dataset.text;
    this.#focusBack = back?.getAttribute("href") ?? null;
    this.#text.value = sessionStorage.getItem(this.#storageKey) ?? this.#currentText;
    this.moveInto(row, true);
    this.#text.setSelectionRange(this.#text.value.length, this.#text.value.length);
    this.scrollIntoView({ block: "nearest" });
  }

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (target, type, handler) => target.addEventListener(type, handler, { signal });
    on(this.#form, "submit", (event) => this.#save(event));
    on(this.#form.elements.leave, "click", () => this.close());
    on(this.#text, "keydown", (event) => this.#onKeydown(event));
    on(this.#text, "input", () => this.#store());
    on(document, "message.updated", ({ detail }) => detail.id === this.#id && this.#onUpdated(detail));
    on(document, "message.deleted", ({ detail }) => detail.id === this.#id && this.#showError("gone"));
    announceEditing(true);
  }

  disconnectedCallback() {
    this.#listening.abort();
    announceEditing(false);
  }

  // Moves the editor into a row.
  moveInto(row, hadFocus) {
    const next = row.querySelector(":scope > :is(.prose, .attachments, .edited, .message-actions)");
    if (next) next.before(this);
    else row.append(this);
    if (hadFocus) this.#text.focus();
  }

  close() {
    sessionStorage.removeItem(this.#storageKey);
    this.remove();
    this.#returnFocus();
  }

  get #storageKey() {
    return `edit ${messageList().getAttribute("user")} ${this.#id}`;
  }

  #store() {
    if (this.#text.value === this.#currentText) sessionStorage.removeItem(this.#storageKey);
    else sessionStorage.setItem(this.#storageKey, this.#text.value);
  }

  #onKeydown(event) {
    if (event.defaultPrevented || isComposing(event)) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.close();
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
    if (text === this.#currentText) return this.close();
    this.#store();
    const undo = this.#showSaved(text);
    this.remove();
    this.#returnFocus();
    let response, body;
    try {
      response = await inTurn(id, () => api("PATCH", `/api/messages/${id}`, { text }));
      body = await response.json();
    } catch (error) {
      return this.#reopen(undo, error instanceof SignedOut ? "out" : "unreachable");
    }
    if (!response.ok) return this.#reopen(undo, response.status === 404 ? "gone" : null, reasonOf(body));
    // Another edit may have begun meanwhile.
    if (sessionStorage.getItem(this.#storageKey) === text) sessionStorage.removeItem(this.#storageKey);
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

  #reopen(undo, why, message) {
    undo();
    const row = document.getElementById(`message-${this.#id}`);
    if (!row) return;
    // Another editor may be open: this text stays in sessionStorage.
    if (document.querySelector("message-editor")) return;
    this.moveInto(row, true);
    this.#showError(why, message);
  }

  #onUpdated(message) {
    if (message.text !== this.#currentText && message.text !== this.#text.value) this.#showError("changed");
    this.#currentText = message.text;
  }

  #showError(why, message = "") {
    this.#error.hidden = false;
    this.#error.querySelector("span").textContent = message || this.#error.dataset[why];
  }

  // Returns the focus to the link, or to the message field, unless that would open the on-screen keyboard.
  #returnFocus() {
    const link = this.#focusBack && document.querySelector(`.message-actions a[href="${CSS.escape(this.#focusBack)}"]`);
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

function announceEditing(on) {
  document.dispatchEvent(new CustomEvent("editing-changed", { detail: { on } }));
}

customElements.define("message-editor", MessageEditor);
