// <chat-draft chat user asked reply> in the message form: keeps what is typed, across pages and devices. It is stored
// in this browser at once and on the server a second after the last key; on the server the newest version wins. Unsaved
// text is never overwritten. `reply` is the message that the server's draft replies to, `asked` means that the URL
// chose one, and the hidden field "draft" holds the version that the form was rendered from.
import { outboxOf } from "outbox";
import { api, SignedOut } from "server";

const PAUSE = 1000; // ms
const AGAIN = 5000;
const LATE = 5000; // ms after which unsaved text yields to another device's version

class ChatDraft extends HTMLElement {
  #chat = Number(this.getAttribute("chat"));
  #key = `draft ${this.getAttribute("user")} ${this.getAttribute("chat")}`;
  #form = this.closest("form");
  #field = this.#form.querySelector("textarea");
  #version = this.#form.elements.draft; // hidden field
  #known = Number(this.#version.value); // the newest known version
  #kept = {
    text: this.#isRefused ? "" : this.#field.defaultValue,
    replyTo: Number(this.getAttribute("reply")) || null,
  };
  #life = null;
  #timer = 0;
  #saving = null; // a promise
  #isLeaving = false; // the text is being sent, by the outbox or the form
  #isBegun = false;

  connectedCallback() {
    this.#life = new AbortController();
    const { signal } = this.#life;
    const on = (what, type, act) => what.addEventListener(type, act, { signal });
    // Text restored by the browser may be older than the stored draft.
    this.#field.autocomplete = "off";
    on(this.#field, "input", () => this.#changed());
    on(this.#field, "blur", () => this.#save());
    on(globalThis, "pagehide", () => this.#leave());
    on(document, "visibilitychange", () => document.visibilityState === "hidden" && this.#save());
    on(document, "connection", ({ detail }) => detail.connected && this.#save());
    on(document, "written", ({ detail }) => detail.chat === this.#chat && (this.#isLeaving = true));
    on(
      outboxOf(Number(this.getAttribute("user"))),
      "change",
      ({ detail }) => detail.chat === this.#chat && this.#left(),
    );
    on(document, "draft", ({ detail }) => detail.chat_id === this.#chat && this.#heard(detail));
    on(document, "reset", () => this.#ask());
    const observer = new MutationObserver(() => this.#changed());
    observer.observe(this.#form.querySelector(".composer-box"), { childList: true });
    signal.addEventListener("abort", () => observer.disconnect());
    if (this.#isBegun) this.#ask();
    else this.#begin();
    this.#isBegun = true;
  }

  disconnectedCallback() {
    this.#save();
    this.#life.abort();
  }

  #begin() {
    const own = this.#stored();
    // It was submitted with the form and arrived: every submitted message makes a new version.
    if (!own || this.#isRefused || (own.isSent && own.version < this.#known)) return this.#changed();
    this.#field.value = own.text;
    if (!this.hasAttribute("asked")) {
      this.#form.querySelector(".composer-reply")?.remove();
      if (own.answered) this.#answer(own.answered);
    }
    if (this.#isSaved) return this.#store(null);
    this.#store({ ...own, isSent: false });
    this.#timer = setTimeout(() => this.#save(), PAUSE);
  }

  // Before the form is submitted as without scripts: keep the text until the next page knows its version.
  async leave() {
    this.#isLeaving = true;
    clearTimeout(this.#timer);
    await this.#saving;
    this.#store({ ...this.#entry, isSent: true });
  }

  // The form came back with an error: its text is newer than any draft.
  get #isRefused() {
    return this.#field.hasAttribute("aria-invalid");
  }

  get #now() {
    const text = this.#field.value;
    // A reply without text is no draft.
    return { text, replyTo: (text.trim() && Number(this.#form.elements.reply_to?.value)) || null };
  }

  get #isSaved() {
    return isSame(this.#now, this.#kept);
  }

  // In this browser

  get #entry() {
    return { text: this.#field.value, answered: this.#answered, at: Date.now(), version: this.#known };
  }

  #changed() {
    if (this.#isLeaving) return;
    clearTimeout(this.#timer);
    if (this.#isSaved) return this.#store(null);
    this.#store(this.#entry);
    this.#timer = setTimeout(() => this.#save(), PAUSE);
  }

  #left() {
    if (!this.#isLeaving) return;
    this.#isLeaving = false;
    this.#changed();
  }

  #leave() {
    if (!this.#isLeaving) this.#save();
    else if (!this.#stored()?.isSent) this.#store(null);
  }

  #stored() {
    try {
      return JSON.parse(localStorage.getItem(this.#key));
    } catch {
      return null; // storage is unavailable
    }
  }

  #store(entry) {
    try {
      if (entry) localStorage.setItem(this.#key, JSON.stringify(entry));
      else localStorage.removeItem(this.#key);
    } catch {
      // only the server's copy remains
    }
  }

  // The message to reply to

  get #answered() {
    const strip = this.#form.querySelector(".composer-reply");
    if (!strip) return null;
    return {
      id: Number(this.#form.elements.reply_to.value),
      author: strip.querySelector("b")?.textContent ?? "",
      text: strip.querySelector("p > span")?.textContent ?? "",
    };
  }

  #answer(message) {
    if (message.id === this.#answered?.id) return;
    const focused = document.activeElement;
    document.dispatchEvent(new CustomEvent("answered", { detail: message }));
    focused?.focus({ preventScroll: true });
  }

  // On the server

  async #save() {
    clearTimeout(this.#timer);
    if (this.#saving || this.#isLeaving || this.#isSaved) return;
    const now = this.#now;
    const { at, version } = this.#stored() ?? this.#entry;
    this.#saving = this.#put(now, at, version);
    await this.#saving;
    this.#saving = null;
    // Typed while saving.
    if (!isSame(this.#now, now)) this.#changed();
  }

  async #put(now, at, version) {
    const late = Date.now() - at > LATE;
    const when = late && { written_at: new Date(at).toISOString() };
    try {
      const body = { text: now.text, reply_to: now.replyTo, version, ...when };
      const answer = await api("PUT", `/api/chats/${this.#chat}/draft`, body);
      if (answer.ok) this.#accept(now, await answer.json(), late);
      else if (answer.status >= 500 || answer.status === 429) this.#later();
    } catch (error) {
      // Signed out: it is kept in this browser.
      if (!(error instanceof SignedOut)) this.#later();
    }
  }

  #accept(now, saved, late) {
    this.#hear(saved.version);
    const isTaken = saved.text.trim() === now.text.trim();
    // Text that is being typed replaces another device's version. Otherwise that one wins on the server, and this text
    // stays in the field until somebody types on.
    if (!isTaken && !late) return this.#changed();
    this.#kept = now;
    if (!isTaken) return;
    this.#version.value = saved.version;
    if (this.#isSaved && !this.#isLeaving) this.#store(null);
  }

  #hear(version) {
    this.#known = Math.max(this.#known, version);
  }

  #later() {
    this.#timer = setTimeout(() => this.#save(), AGAIN);
  }

  #heard(draft) {
    const { text, reply_to: replyTo, version } = draft;
    if (version <= this.#known) return;
    if (this.#saving) return void this.#saving.then(() => this.#heard(draft));
    this.#hear(version);
    if (this.#isLeaving || !this.#isSaved) return;
    this.#version.value = version;
    this.#kept = { text, replyTo };
    this.#field.value = text;
    const row = replyTo && document.getElementById(`message-${replyTo}`);
    if (!replyTo) this.#form.querySelector(".composer-reply")?.remove();
    else if (row)
      this.#answer({
        id: replyTo,
        author: row.querySelector(".message-author")?.textContent ?? "",
        text: row.querySelector(".prose")?.textContent.trim() ?? "",
      });
    if (this.#now.replyTo !== replyTo) this.#kept.replyTo = this.#now.replyTo;
  }

  async #ask() {
    const answer = await api("GET", `/api/chats/${this.#chat}/draft`).catch(() => null);
    const saved = answer?.ok && (await answer.json());
    if (saved) this.#heard(saved);
  }
}

function isSame(one, other) {
  return one.text.trim() === other.text.trim() && one.replyTo === other.replyTo;
}

customElements.define("chat-draft", ChatDraft);
