// <chat-draft chat user at reply author quoted> in the form for the next message: what is typed there outlives the page and
// is there on other devices. It is kept in this browser at once and on the server a second after the last key; there the
// newest one counts. What is not saved yet is never written over. `at` is when the server's draft was written.
import { api, outboxOf, SignedOut } from "server";

const PAUSE = 1000; // ms
const AGAIN = 5000;
const LATE = 5000; // from when on the server is told when it was typed

class ChatDraft extends HTMLElement {
  #chat = Number(this.getAttribute("chat"));
  #key = `draft ${this.getAttribute("user")} ${this.getAttribute("chat")}`;
  #form = this.closest("form");
  #field = this.#form.querySelector("textarea");
  #kept = { text: this.#isRefused ? "" : this.#field.defaultValue, replyTo: Number(this.getAttribute("reply")) || null, at: Date.parse(this.getAttribute("at")) || 0 };
  #life = null;
  #timer = 0;
  #isSaving = false;
  #isLeaving = false; // what was written goes into the outbox

  connectedCallback() {
    this.#life = new AbortController();
    const { signal } = this.#life;
    const on = (what, type, act) => what.addEventListener(type, act, { signal });
    // What a browser fills in by itself may be older than what is kept here.
    this.#field.autocomplete = "off";
    on(this.#field, "input", () => this.#changed());
    on(this.#field, "blur", () => this.#save());
    on(globalThis, "pagehide", () => this.#leave());
    on(document, "visibilitychange", () => document.visibilityState === "hidden" && this.#save());
    on(document, "connection", ({ detail }) => detail.connected && this.#save());
    on(document, "written", ({ detail }) => detail.chat === this.#chat && (this.#isLeaving = true));
    on(outboxOf(Number(this.getAttribute("user"))), "change", ({ detail }) => detail.chat === this.#chat && this.#left());
    on(document, "draft", ({ detail }) => detail.chat_id === this.#chat && this.#heard(detail));
    on(document, "reset", () => this.#ask());
    const observer = new MutationObserver(() => this.#changed());
    observer.observe(this.#form.querySelector(".composer-box"), { childList: true });
    signal.addEventListener("abort", () => observer.disconnect());
    this.#begin();
  }

  disconnectedCallback() {
    this.#save();
    this.#life.abort();
  }

  #begin() {
    const own = this.#stored();
    const { reply, author, quoted } = Object.fromEntries(["reply", "author", "quoted"].map((name) => [name, this.getAttribute(name)]));
    if (own && !this.#isRefused) {
      this.#field.value = own.text;
      if (own.answered) this.#answer(own.answered);
    } else {
      if (!this.#field.value) this.#field.value = this.#kept.text;
      if (reply) this.#answer({ id: Number(reply), author, text: quoted });
    }
    this.#changed();
  }

  // A message that came back with words of what is wrong with it: it is newer than all that is kept.
  get #isRefused() {
    return this.#field.hasAttribute("aria-invalid");
  }

  get #now() {
    const text = this.#field.value;
    // An answer without words is no draft.
    return { text, replyTo: (text.trim() && Number(this.#form.elements.reply_to?.value)) || null };
  }

  get #isSaved() {
    return isSame(this.#now, this.#kept);
  }

  // Here

  #changed() {
    if (this.#isLeaving) return;
    clearTimeout(this.#timer);
    if (this.#isSaved) return this.#store(null);
    this.#store({ text: this.#field.value, answered: this.#answered, at: Date.now() });
    this.#timer = setTimeout(() => this.#save(), PAUSE);
  }

  #left() {
    if (!this.#isLeaving) return;
    this.#isLeaving = false;
    this.#changed();
  }

  #leave() {
    if (this.#isLeaving) this.#store(null);
    else this.#save();
  }

  #stored() {
    try {
      return JSON.parse(localStorage.getItem(this.#key));
    } catch {
      return null; // the browser keeps nothing for this page
    }
  }

  #store(entry) {
    try {
      if (entry) localStorage.setItem(this.#key, JSON.stringify(entry));
      else localStorage.removeItem(this.#key);
    } catch {
      // then the server's is all there is
    }
  }

  // What is answered

  get #answered() {
    const strip = this.#form.querySelector(".composer-reply");
    if (!strip) return null;
    return { id: Number(this.#form.elements.reply_to.value), author: strip.querySelector("b")?.textContent ?? "", text: strip.querySelector("p > span")?.textContent ?? "" };
  }

  #answer(message) {
    if (message.id === this.#answered?.id) return;
    const focused = document.activeElement;
    document.dispatchEvent(new CustomEvent("answered", { detail: message }));
    focused?.focus({ preventScroll: true });
  }

  // There

  async #save() {
    clearTimeout(this.#timer);
    if (this.#isSaving || this.#isLeaving || this.#isSaved) return;
    const now = this.#now;
    const typed = this.#stored()?.at ?? Date.now();
    const late = Date.now() - typed > LATE && { written_at: new Date(typed).toISOString() };
    this.#isSaving = true;
    try {
      const answer = await api("PUT", `/api/chats/${this.#chat}/draft`, { text: now.text, reply_to: now.replyTo, ...late });
      if (answer.ok) this.#accept(now, await answer.json());
      else if (answer.status >= 500 || answer.status === 429) this.#later();
    } catch (error) {
      // Signed out, it waits here for the next time.
      if (!(error instanceof SignedOut)) this.#later();
    } finally {
      this.#isSaving = false;
    }
    // What was typed meanwhile.
    if (!isSame(this.#now, now)) this.#changed();
  }

  #accept(now, told) {
    this.#kept = { ...now, at: Date.parse(told.written_at) || this.#kept.at };
    // Somebody wrote later on another device: that one counts there, and this one stays here until it is typed on.
    if (told.text.trim() === now.text.trim() && this.#isSaved) this.#store(null);
  }

  #later() {
    this.#timer = setTimeout(() => this.#save(), AGAIN);
  }

  #heard({ text, reply_to: replyTo, written_at: written }) {
    const at = Date.parse(written);
    if (at <= this.#kept.at || this.#isSaving || this.#isLeaving || !this.#isSaved) return;
    this.#kept = { text, replyTo, at };
    this.#field.value = text;
    const row = replyTo && document.getElementById(`message-${replyTo}`);
    if (!replyTo) this.#form.querySelector(".composer-reply")?.remove();
    else if (row) this.#answer({ id: replyTo, author: row.querySelector(".message-author")?.textContent ?? "", text: row.querySelector(".prose")?.textContent.trim() ?? "" });
    if (this.#now.replyTo !== replyTo) this.#kept.replyTo = this.#now.replyTo;
  }

  async #ask() {
    const answer = await api("GET", `/api/chats/${this.#chat}/draft`).catch(() => null);
    const told = answer?.ok && (await answer.json());
    if (told?.written_at) this.#heard(told);
  }
}

function isSame(one, other) {
  return one.text.trim() === other.text.trim() && one.replyTo === other.replyTo;
}

customElements.define("chat-draft", ChatDraft);
