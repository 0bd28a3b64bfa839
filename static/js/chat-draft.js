// <chat-draft chat user reply-chosen reply> in the message form: keeps what is typed, across pages and devices. It is
// stored in this browser at once and on the server a second after the last key; on the server the newest version wins.
// Unsaved text is never overwritten. `reply` is the message that the server's draft replies to, `reply-chosen` means
// that the URL chose one, and the hidden field "draft" holds the version that the form was rendered from.
import { outboxOf } from "outbox";
import { api, SignedOut } from "server";

const PAUSE = 1000; // ms
const RETRY_AFTER = 5000;
const LATE_AFTER = 5000; // ms after which unsaved text yields to another device's version

class ChatDraft extends HTMLElement {
  #chat = Number(this.getAttribute("chat"));
  #key = `draft ${this.getAttribute("user")} ${this.getAttribute("chat")}`;
  #form = this.closest("form");
  #field = this.#form.querySelector("textarea");
  #versionField = this.#form.elements.draft; // hidden field
  #knownVersion = Number(this.#versionField.value); // the newest known version
  #saved = {
    text: this.#isRefused ? "" : this.#field.defaultValue,
    replyTo: Number(this.getAttribute("reply")) || null,
  };
  #listening = null;
  #timer = 0;
  #saving = null; // a promise
  #isSending = false; // the text is being sent, by the outbox or the form
  #wasConnected = false;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (target, type, handler) => target.addEventListener(type, handler, { signal });
    // Text restored by the browser may be older than the stored draft.
    this.#field.autocomplete = "off";
    on(this.#field, "input", () => this.#onChange());
    on(this.#field, "blur", () => this.#save());
    on(globalThis, "pagehide", () => this.#onPagehide());
    on(document, "visibilitychange", () => document.visibilityState === "hidden" && this.#save());
    on(document, "connection", ({ detail }) => detail.connected && this.#save());
    on(document, "message-queued", ({ detail }) => detail.chat === this.#chat && (this.#isSending = true));
    on(
      outboxOf(Number(this.getAttribute("user"))),
      "change",
      ({ detail }) => detail.chat === this.#chat && this.#onSent(),
    );
    on(document, "draft", ({ detail }) => detail.chat_id === this.#chat && this.#onDraft(detail));
    on(document, "reset", () => this.#fetch());
    const observer = new MutationObserver(() => this.#onChange());
    observer.observe(this.#form.querySelector(".composer-box"), { childList: true });
    signal.addEventListener("abort", () => observer.disconnect());
    if (this.#wasConnected) this.#fetch();
    else this.#restore();
    this.#wasConnected = true;
  }

  disconnectedCallback() {
    this.#save();
    this.#listening.abort();
  }

  #restore() {
    const stored = this.#stored();
    // It was submitted with the form and arrived: every submitted message makes a new version.
    if (!stored || this.#isRefused || (stored.isSent && stored.version < this.#knownVersion)) return this.#onChange();
    this.#field.value = stored.text;
    if (!this.hasAttribute("reply-chosen")) {
      this.#form.querySelector(".composer-reply")?.remove();
      if (stored.answered) this.#setReply(stored.answered);
    }
    if (this.#isSaved) return this.#store(null);
    this.#store({ ...stored, isSent: false });
    this.#timer = setTimeout(() => this.#save(), PAUSE);
  }

  // Before the form is submitted as without scripts: keep the text until the next page knows its version.
  async beforeSubmit() {
    this.#isSending = true;
    clearTimeout(this.#timer);
    await this.#saving;
    this.#store({ ...this.#currentEntry, isSent: true });
  }

  // The form came back with an error: its text is newer than any draft.
  get #isRefused() {
    return this.#field.hasAttribute("aria-invalid");
  }

  get #current() {
    const text = this.#field.value;
    // A reply without text is no draft.
    return { text, replyTo: (text.trim() && Number(this.#form.elements.reply_to?.value)) || null };
  }

  get #isSaved() {
    return isSame(this.#current, this.#saved);
  }

  // In this browser

  get #currentEntry() {
    return { text: this.#field.value, answered: this.#reply, at: Date.now(), version: this.#knownVersion };
  }

  #onChange() {
    if (this.#isSending) return;
    clearTimeout(this.#timer);
    if (this.#isSaved) return this.#store(null);
    this.#store(this.#currentEntry);
    this.#timer = setTimeout(() => this.#save(), PAUSE);
  }

  #onSent() {
    if (!this.#isSending) return;
    this.#isSending = false;
    this.#onChange();
  }

  #onPagehide() {
    if (!this.#isSending) this.#save();
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

  get #reply() {
    const strip = this.#form.querySelector(".composer-reply");
    if (!strip) return null;
    return {
      id: Number(this.#form.elements.reply_to.value),
      author: strip.querySelector("b")?.textContent ?? "",
      text: strip.querySelector("p > span")?.textContent ?? "",
    };
  }

  #setReply(message) {
    if (message.id === this.#reply?.id) return;
    const focused = document.activeElement;
    document.dispatchEvent(new CustomEvent("reply-set", { detail: message }));
    focused?.focus({ preventScroll: true });
  }

  // On the server

  async #save() {
    clearTimeout(this.#timer);
    if (this.#saving || this.#isSending || this.#isSaved) return;
    const current = this.#current;
    const { at: typedAt, version } = this.#stored() ?? this.#currentEntry;
    this.#saving = this.#send(current, typedAt, version);
    await this.#saving;
    this.#saving = null;
    // Typed while saving.
    if (!isSame(this.#current, current)) this.#onChange();
  }

  async #send(current, typedAt, version) {
    const isLate = Date.now() - typedAt > LATE_AFTER;
    const writtenAt = isLate && { written_at: new Date(typedAt).toISOString() };
    try {
      const body = { text: current.text, reply_to: current.replyTo, version, ...writtenAt };
      const response = await api("PUT", `/api/chats/${this.#chat}/draft`, body);
      if (response.ok) this.#accept(current, await response.json(), isLate);
      else if (response.status >= 500 || response.status === 429) this.#retryLater();
    } catch (error) {
      // Signed out: it is kept in this browser.
      if (!(error instanceof SignedOut)) this.#retryLater();
    }
  }

  #accept(current, saved, isLate) {
    this.#noteVersion(saved.version);
    const isAccepted = saved.text.trim() === current.text.trim();
    // Text that is being typed replaces another device's version. Otherwise that one wins on the server, and this text
    // stays in the field until somebody types on.
    if (!isAccepted && !isLate) return this.#onChange();
    this.#saved = current;
    if (!isAccepted) return;
    this.#versionField.value = saved.version;
    if (this.#isSaved && !this.#isSending) this.#store(null);
  }

  #noteVersion(version) {
    this.#knownVersion = Math.max(this.#knownVersion, version);
  }

  #retryLater() {
    this.#timer = setTimeout(() => this.#save(), RETRY_AFTER);
  }

  #onDraft(draft) {
    const { text, reply_to: replyTo, version } = draft;
    if (version <= this.#knownVersion) return;
    if (this.#saving) return void this.#saving.then(() => this.#onDraft(draft));
    this.#noteVersion(version);
    if (this.#isSending || !this.#isSaved) return;
    this.#versionField.value = version;
    this.#saved = { text, replyTo };
    this.#field.value = text;
    const row = replyTo && document.getElementById(`message-${replyTo}`);
    if (!replyTo) this.#form.querySelector(".composer-reply")?.remove();
    else if (row)
      this.#setReply({
        id: replyTo,
        author: row.querySelector(".message-author")?.textContent ?? "",
        text: row.querySelector(".prose")?.textContent.trim() ?? "",
      });
    if (this.#current.replyTo !== replyTo) this.#saved.replyTo = this.#current.replyTo;
  }

  async #fetch() {
    const response = await api("GET", `/api/chats/${this.#chat}/draft`).catch(() => null);
    const saved = response?.ok && (await response.json());
    if (saved) this.#onDraft(saved);
  }
}

function isSame(one, other) {
  return one.text.trim() === other.text.trim() && one.replyTo === other.replyTo;
}

customElements.define("chat-draft", ChatDraft);
