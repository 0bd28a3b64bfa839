// <message-editor>: a message's words in a field where they stand. It opens before another key is pressed: the link to its
// page holds the words as they were written. Enter saves, Shift+Enter breaks the line (on a touch screen the button saves),
// Esc leaves. What is not saved yet is kept for this tab, also when a page comes in between.
import { api, SignedOut } from "server";

class MessageEditor extends HTMLElement {
  #id = 0;
  #known = ""; // the words that the message has
  #back = null;
  #life = null;
  #form = this.querySelector("form");
  #text = this.querySelector("textarea");
  #wrong = this.querySelector(".error");

  // `back` is the link when a person at the keyboard came from it.
  begin(link, back) {
    const row = link.closest("article");
    // What was begun in another row waits there.
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
    on(document, "message.deleted", ({ detail }) => detail.id === this.#id && this.#say("gone"));
    tellComposer(true);
  }

  disconnectedCallback() {
    this.#life.abort();
    tellComposer(false);
  }

  // Take the place of the words in a row, also when it is drawn anew.
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
    return `edit ${log().getAttribute("user")} ${this.#id}`;
  }

  #keep() {
    if (this.#text.value === this.#known) sessionStorage.removeItem(this.#shelf);
    else sessionStorage.setItem(this.#shelf, this.#text.value);
  }

  #pressed(event) {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.leave();
    } else if (event.key === "Enter" && !event.shiftKey && !isTouch()) {
      event.preventDefault();
      if (!event.repeat) this.#form.requestSubmit();
    }
  }

  // The row shows the new words at once; when they are refused, the field comes back with them.
  async #save(event) {
    event.preventDefault();
    const id = this.#id;
    const text = this.#text.value;
    if (text === this.#known) return this.leave();
    this.#keep();
    const undo = this.#showSaved(text);
    this.remove();
    this.#goBack();
    let answer, told;
    try {
      answer = await inTurn(id, () => api("PATCH", `/api/messages/${id}`, { text }));
      told = await answer.json();
    } catch (error) {
      return this.#comeBack(undo, error instanceof SignedOut ? "out" : "unreachable");
    }
    if (!answer.ok) return this.#comeBack(undo, answer.status === 404 ? "gone" : null, Object.values(told.errors ?? {}).flat().join(" ") || told.detail);
    // By now another change may have been begun.
    if (sessionStorage.getItem(this.#shelf) === text) sessionStorage.removeItem(this.#shelf);
    document.dispatchEvent(new CustomEvent("message.updated", { detail: told }));
  }

  #showSaved(text) {
    const row = this.closest("article");
    const [old, shown] = [row.querySelector(":scope > .prose"), document.createElement("div")];
    shown.className = "prose";
    shown.append(document.createElement("p"));
    shown.firstChild.append(...text.split("\n").flatMap((line, at) => (at ? [document.createElement("br"), line] : [line])));
    row.classList.add("is-sending");
    if (old) old.replaceWith(shown);
    else this.before(shown);
    return () => {
      row.classList.remove("is-sending");
      if (old) shown.replaceWith(old);
      else shown.remove();
    };
  }

  #comeBack(undo, why, words) {
    undo();
    const row = document.getElementById(`message-${this.#id}`);
    if (!row) return;
    // Another one may be open by now: these words wait for the next opening.
    if (document.querySelector("message-editor")) return;
    this.standIn(row, true);
    this.#say(why, words);
  }

  #changed(message) {
    if (message.text !== this.#known && message.text !== this.#text.value) this.#say("changed");
    this.#known = message.text;
  }

  #say(why, words = this.#wrong.dataset[why]) {
    this.#wrong.hidden = false;
    this.#wrong.querySelector("span").textContent = words;
  }

  // Where a person was: at the keyboard on the link, else in the field for the next message, unless that brings a keyboard up.
  #goBack() {
    const link = this.#back && document.querySelector(`.message-actions a[href="${CSS.escape(this.#back)}"]`);
    if (link) link.focus();
    else if (isTouch()) log().focus();
    else document.querySelector("chat-composer textarea")?.focus();
  }
}

const changes = new Map(); // a message's id -> the change of it that is on its way

// Changes of one message arrive in the order in which they were saved.
function inTurn(id, change) {
  const turn = (changes.get(id) ?? Promise.resolve()).catch(() => {}).then(change);
  changes.set(id, turn);
  return turn;
}

function isTouch() {
  return matchMedia("(hover: none) and (pointer: coarse)").matches;
}

function log() {
  return document.querySelector("chat-log");
}

function tellComposer(on) {
  document.dispatchEvent(new CustomEvent("editing", { detail: { on } }));
}

customElements.define("message-editor", MessageEditor);
