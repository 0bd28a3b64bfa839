// <chat-composer chat user url max-file-size max-files> around the message form: Enter sends, Shift+Enter breaks the
// line; on touch screens the button sends. A message goes into the outbox and is announced by the event
// "message-queued"; typing is reported to the other members. Files are chosen, pasted, or dropped anywhere on the chat.
// "reply-set" sets the message to reply to; "message-recalled" brings a message back from the outbox.
import { isEnter } from "keys";
import { outboxOf } from "outbox";
import { api } from "server";

const TYPING_EVERY = 1000; // ms

class ChatComposer extends HTMLElement {
  #chat = Number(this.getAttribute("chat"));
  #form = this.querySelector("form");
  #text = this.querySelector("textarea");
  #files = this.querySelector("input[type=file]");
  #previews = this.querySelector(".previews");
  #fileStatus = this.querySelector("[role=status][data-number]");
  #refused = this.querySelector(".refused");
  #pane = this.closest(".pane") ?? this;
  #dropTarget = this.#pane.querySelector(".drop-target");
  #outbox = outboxOf(Number(this.getAttribute("user")));
  #chosen = []; // {file, problem}; those with nothing wrong are in the file field
  #drawn = Promise.resolve(); // once their previews are shown
  #typingSentAt = 0;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (target, type, handler) => target.addEventListener(type, handler, { signal });
    on(this.#form, "submit", (event) => this.#onSubmit(event));
    on(this.#text, "keydown", (event) => this.#onKeydown(event));
    on(this.#text, "input", () => this.#onInput());
    on(this.#files, "change", () => this.#addFiles(this.#files.files));
    on(this, "click", (event) => event.target.closest(".composer-reply a") && this.#cancelReply(event));
    on(document, "paste", (event) => this.#onPaste(event));
    on(document, "keydown", (event) => this.#onKeydownElsewhere(event));
    for (const type of ["dragenter", "dragover", "dragleave", "drop"])
      on(document, type, (event) => this.#onDrag(event));
    on(document, "reply-set", ({ detail }) => this.#setReply(detail));
    on(document, "editing-changed", ({ detail }) => this.#setEditing(detail.on));
    on(document, "message-recalled", ({ detail }) => detail.chat === this.#chat && this.#restore(detail));
    on(this.querySelector("button[name=emoji]"), "click", (event) => this.#pickEmoji(event.currentTarget));
    import("chat-draft");
    // With a keyboard, focus the field, unless the URL leads to a message.
    if (!isTouch() && document.activeElement === document.body && [``, `#text`].includes(location.hash))
      this.#text.focus({ preventScroll: true });
    if (this.#files.files.length) this.#setFiles([...this.#files.files]);
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  async #pickEmoji(button) {
    const { openPicker } = await import("emoji-picker");
    const emoji = await openPicker(button);
    this.#text.focus();
    if (emoji) this.#insert(emoji);
  }

  // As if typed: it can be undone, and fires input events.
  #insert(text) {
    if (!document.execCommand("insertText", false, text))
      this.#text.setRangeText(text, this.#text.selectionStart, this.#text.selectionEnd, "end");
  }

  #onKeydown(event) {
    if (event.defaultPrevented) return;
    if (event.key === "Escape" && this.#replyStrip) return this.#cancelReply(event);
    if (event.key === "ArrowUp" && !this.#text.value && !hasModifier(event)) {
      // If an editor opens, the key is handled.
      if (!document.dispatchEvent(new CustomEvent("edit-last", { cancelable: true }))) event.preventDefault();
      return;
    }
    if (!isEnter(event) || isTouch()) return;
    event.preventDefault();
    if (!event.repeat) this.#form.requestSubmit();
  }

  // Typing outside any field starts the next message: focus moves before the letter is inserted.
  #onKeydownElsewhere(event) {
    const isLetter =
      [...event.key].length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
    if ((isLetter || event.getModifierState("AltGraph")) && !event.defaultPrevented && isFree(event.target))
      this.#text.focus();
  }

  async #onSubmit(event) {
    const text = this.#text.value;
    const files = [...this.#files.files];
    event.preventDefault();
    if (this.#chosen.some(({ problem }) => problem)) return this.#showRefused();
    if (!text.trim() && !files.length) return this.#text.focus();
    if (!this.#canQueue) return this.#submit();
    const answered = this.#reply;
    const replyTo = answered?.id || null;
    const draft = Number(this.#form.elements.draft.value);
    const key = crypto.randomUUID();
    const entry = { chat: this.#chat, key, text, files, replyTo, answered, draft, written: Date.now() };
    this.dispatchEvent(new CustomEvent("message-queued", { detail: entry, bubbles: true }));
    this.#clear(replyTo);
    try {
      await this.#outbox.add(entry);
    } catch {
      // Storage is unavailable: submit the form as without scripts.
      this.#text.value = text;
      this.#files.files = fileListOf(files);
      if (answered) this.#setReply(answered);
      return this.#submit();
    }
    document.querySelector("message-list[newer]")?.scrollToEnd();
  }

  // Submits the form as without scripts.
  async #submit() {
    await this.#form.querySelector("chat-draft").beforeSubmit?.();
    this.#form.submit();
  }

  // Files that can't be sent must be removed by the person: without them the message may mean something else.
  async #showRefused() {
    const first = this.#chosen.findIndex(({ problem }) => problem);
    this.#refused.hidden = false;
    // Set again, so that it is announced again.
    this.#refused.querySelector("span").textContent = this.#refused.dataset.words;
    await this.#drawn;
    this.#previews.querySelectorAll("button")[first]?.focus();
  }

  get #canQueue() {
    // Web Locks and randomUUID need a secure context: HTTPS or localhost.
    return isSecureContext && "locks" in navigator && "indexedDB" in globalThis;
  }

  #clear(replyTo) {
    this.#replyStrip?.remove();
    this.#form.querySelector("#text-error")?.remove();
    this.#text.removeAttribute("aria-invalid");
    this.#text.removeAttribute("aria-describedby");
    this.#text.value = "";
    this.#typingSentAt = 0;
    this.#setFiles([]);
    this.#text.focus();
    if (replyTo) history.replaceState(null, "", this.getAttribute("url"));
  }

  #onInput() {
    // Once loaded, <word-completion> listens by itself.
    if (/[@:]/.test(this.#text.value)) import("word-completion");
    if (
      !this.#text.value.trim() ||
      !document.querySelector("chat-people") ||
      Date.now() - this.#typingSentAt < TYPING_EVERY
    )
      return;
    this.#typingSentAt = Date.now();
    api("POST", `/api/chats/${this.#chat}/typing`).catch(() => {}); // transient, so errors don't matter
  }

  // The message to reply to

  get #replyStrip() {
    return this.#form.querySelector(".composer-reply");
  }

  get #reply() {
    const strip = this.#replyStrip;
    if (!strip) return null;
    const [id, author, text] = [
      strip.querySelector("input").value,
      strip.querySelector("b").textContent,
      strip.querySelector("p > span").textContent,
    ];
    return { id: Number(id), author, text };
  }

  #setReply({ id, author, text }) {
    const strip = this.querySelector("template.reply-strip").content.cloneNode(true).firstElementChild;
    strip.querySelector("input").value = id;
    strip.querySelector("b").textContent = author;
    strip.querySelector("p > span").textContent = text;
    this.#replyStrip?.remove();
    this.querySelector(".composer-box").prepend(strip);
    this.#text.focus();
  }

  #cancelReply(event) {
    event.preventDefault();
    this.#replyStrip.remove();
    this.#text.focus();
    if (new URLSearchParams(location.search).has("reply_to")) history.replaceState(null, "", this.getAttribute("url"));
  }

  // While a message is edited in its row, that field is labelled "Message".
  #setEditing(isEditing) {
    const label = this.querySelector("label[data-while-editing]");
    label.dataset.otherwise ??= label.textContent;
    label.textContent = isEditing ? label.dataset.whileEditing : label.dataset.otherwise;
  }

  #restore({ text, files, answered }) {
    this.#text.value = [text, this.#text.value].filter(Boolean).join("\n\n");
    this.#setFiles([...files, ...this.#chosenFiles]);
    if (answered && !this.#replyStrip) this.#setReply(answered);
    this.#text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // Files

  get #chosenFiles() {
    return this.#chosen.map(({ file }) => file);
  }

  #onPaste(event) {
    const { files } = event.clipboardData;
    if (event.target !== this.#text && !isFree(event.target)) return;
    const text = event.clipboardData.getData("text/plain");
    if (files.length && hasOnlyNames(text, files)) {
      event.preventDefault();
      return this.#addFiles(files);
    }
    // The field handles pasted text by itself.
    if (!text || event.target === this.#text) return;
    event.preventDefault();
    this.#text.focus();
    this.#insert(text);
  }

  #addFiles(files) {
    this.#setFiles([...this.#chosenFiles, ...files]);
    if (!isTouch()) this.#text.focus();
  }

  #onDrag(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    const isOver = this.#pane.contains(event.target);
    const isLeaving = event.type === "dragleave";
    // Outside the chat too: the browser would navigate to the dropped file.
    if (!isLeaving) event.preventDefault();
    if (!isLeaving) event.dataTransfer.dropEffect = isOver ? "copy" : "none";
    this.#dropTarget.hidden = event.type === "drop" || !isOver || (isLeaving && !event.relatedTarget);
    if (event.type !== "drop" || !isOver) return;
    const items = [...event.dataTransfer.items].filter(
      (item) => item.kind === "file" && !item.webkitGetAsEntry?.()?.isDirectory,
    );
    this.#addFiles(items.map((item) => item.getAsFile()));
  }

  #setFiles(files) {
    const [sizeMax, countMax] = ["max-file-size", "max-files"].map((limit) => Number(this.getAttribute(limit)));
    const { number, large, many } = this.#fileStatus.dataset;
    let room = countMax;
    this.#chosen = files.map((file) => ({ file, problem: file.size > sizeMax ? large : room-- > 0 ? "" : many }));
    const good = this.#chosen.filter(({ problem }) => !problem);
    const bad = this.#chosen.filter(({ problem }) => problem);
    this.#files.files = fileListOf(good.map(({ file }) => file));
    if (!bad.length) this.#refused.hidden = true;
    const texts = [
      ...bad.map(({ file, problem }) => `${file.name}: ${problem}`),
      number.replace("{number}", good.length),
    ];
    this.#fileStatus.textContent = files.length ? texts.join(". ") : "";
    this.#drawn = this.#preview();
    return this.#drawn;
  }

  async #preview() {
    if (!this.#chosen.length && this.#previews.hidden) return;
    const { draw } = await import("file-previews");
    draw(this.#previews, this.#chosen, async (removed) => {
      const at = this.#chosen.indexOf(removed);
      await this.#setFiles(this.#chosenFiles.filter((file) => file !== removed.file));
      const next = this.#previews.querySelectorAll("button");
      (next[Math.min(at, next.length - 1)] ?? this.#text).focus();
    });
  }
}

// Whether focusing a field would open an on-screen keyboard.
function isTouch() {
  return matchMedia("(hover: none) and (pointer: coarse)").matches;
}

// Whether nothing else takes what is typed or pasted there: it is no field, and no overlay is open.
function isFree(target) {
  const selector = "input, textarea, select, [contenteditable], dialog, [popover]:popover-open";
  return !target.closest?.(selector) && !document.querySelector("dialog[open]");
}

// Whether the text is only the names or paths of these files, as file managers copy them along. Other programs copy a
// picture of the text along with the text.
function hasOnlyNames(text, files) {
  const names = new Set([...files].map(({ name }) => name));
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim());
  return lines.every((line) =>
    [line.trim(), unescaped(line.trim())].some((path) => names.has(path.split(/[\\/]/).pop())),
  );
}

// Decodes a file: URL; text such as "100%" is left alone.
function unescaped(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function hasModifier(event) {
  return event.shiftKey || event.ctrlKey || event.altKey || event.metaKey;
}

function fileListOf(files) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  return transfer.files;
}

customElements.define("chat-composer", ChatComposer);
