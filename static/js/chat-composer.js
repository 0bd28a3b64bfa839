// <chat-composer chat user address> around the form for the next message: Enter sends, Shift+Enter breaks the line
// (on a touch screen, whose keyboard has no Shift+Enter, the button sends). What is sent goes into the outbox and is said to
// the page as "written"; while somebody types, the others are told. Files come by the button, by pasting, or dropped
// anywhere on the chat. What is "answered" stands above the field; what was "returned" from the outbox comes back into it.
import { api, outboxOf } from "server";

const TYPING_EVERY = 1000; // ms

class ChatComposer extends HTMLElement {
  #chat = Number(this.getAttribute("chat"));
  #form = this.querySelector("form");
  #text = this.querySelector("textarea");
  #files = this.querySelector("input[type=file]");
  #previews = this.querySelector(".previews");
  #told = this.querySelector("[role=status][data-number]");
  #pane = this.closest(".pane") ?? this;
  #target = this.#pane.querySelector(".drop-target");
  #outbox = outboxOf(Number(this.getAttribute("user")));
  #chosen = []; // {file, wrong}; those with nothing wrong are the file field's
  #toldAt = 0;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (what, type, act) => what.addEventListener(type, act, { signal });
    on(this.#form, "submit", (event) => this.#send(event));
    on(this.#text, "keydown", (event) => this.#pressed(event));
    on(this.#text, "input", () => this.#typed());
    on(this.#files, "change", () => this.#choose([...this.#chosenFiles, ...this.#files.files]));
    on(this, "click", (event) => event.target.closest(".composer-reply a") && this.#answerNothing(event));
    on(document, "paste", (event) => this.#pasted(event));
    for (const type of ["dragenter", "dragover", "dragleave", "drop"]) on(document, type, (event) => this.#dragged(event));
    on(document, "answered", ({ detail }) => this.#answer(detail));
    on(document, "editing", ({ detail }) => this.#standBeside(detail.on));
    on(document, "returned", ({ detail }) => detail.chat === this.#chat && this.#takeBack(detail));
    on(this.querySelector("button[name=emoji]"), "click", (event) => this.#offerEmoji(event.currentTarget));
    import("chat-draft");
    if (this.#files.files.length) this.#choose([...this.#files.files]);
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  async #offerEmoji(button) {
    const { openPicker } = await import("emoji-picker");
    const emoji = await openPicker(button);
    this.#text.focus();
    if (emoji) this.#insert(emoji);
  }

  // As if it were typed: what undoes typing undoes it, and who listens to what is typed hears of it.
  #insert(words) {
    if (!document.execCommand("insertText", false, words)) this.#text.setRangeText(words, this.#text.selectionStart, this.#text.selectionEnd, "end");
  }

  #pressed(event) {
    if (event.defaultPrevented) return;
    if (event.key === "Escape" && this.#strip) return this.#answerNothing(event);
    if (event.key === "ArrowUp" && !this.#text.value && !hasModifier(event)) {
      // Whoever opens an editor for it takes the key.
      if (!document.dispatchEvent(new CustomEvent("edit-last", { cancelable: true }))) event.preventDefault();
      return;
    }
    const touches = matchMedia("(hover: none) and (pointer: coarse)").matches;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || touches) return;
    event.preventDefault();
    if (!event.repeat) this.#form.requestSubmit();
  }

  async #send(event) {
    const text = this.#text.value;
    const files = [...this.#files.files];
    event.preventDefault();
    // What can't go is taken away by the person, not in silence: without it the message may be another one.
    const refused = this.#chosen.findIndex(({ wrong }) => wrong);
    if (refused >= 0) return this.#previews.querySelectorAll("button")[refused].focus();
    if (!text.trim() && !files.length) return this.#text.focus();
    if (!this.#canKeep) return this.#form.submit();
    const answered = this.#answered;
    const replyTo = answered?.id || null;
    const entry = { chat: this.#chat, key: crypto.randomUUID(), text, files, replyTo, answered, written: Date.now() };
    this.dispatchEvent(new CustomEvent("written", { detail: entry, bubbles: true }));
    this.#clear(replyTo);
    try {
      await this.#outbox.add(entry);
    } catch {
      // The browser keeps nothing for this page: the form goes as it did before there were scripts.
      this.#text.value = text;
      this.#files.files = transfer(files);
      if (answered) this.#answer(answered);
      return this.#form.submit();
    }
    if (document.querySelector("chat-log[newer]")) location.assign(this.getAttribute("address"));
  }

  get #canKeep() {
    // Locks and keys are there in secure contexts alone: https, or this machine.
    return isSecureContext && "locks" in navigator && "indexedDB" in globalThis;
  }

  #clear(replyTo) {
    this.#strip?.remove();
    this.#form.querySelector("#text-error")?.remove();
    this.#text.removeAttribute("aria-invalid");
    this.#text.removeAttribute("aria-describedby");
    this.#text.value = "";
    this.#toldAt = 0;
    this.#choose([]);
    this.#text.focus();
    if (replyTo) history.replaceState(null, "", this.getAttribute("address"));
  }

  #typed() {
    // From now on the element in this form listens for itself.
    if (/[@:]/.test(this.#text.value)) import("word-completion");
    if (!this.#text.value.trim() || !document.querySelector("chat-people") || Date.now() - this.#toldAt < TYPING_EVERY) return;
    this.#toldAt = Date.now();
    api("POST", `/api/chats/${this.#chat}/typing`).catch(() => {}); // it does not last anyway
  }

  // What the next message answers

  get #strip() {
    return this.#form.querySelector(".composer-reply");
  }

  get #answered() {
    const strip = this.#strip;
    if (!strip) return null;
    const [id, author, text] = [strip.querySelector("input").value, strip.querySelector("b").textContent, strip.querySelector("p > span").textContent];
    return { id: Number(id), author, text };
  }

  #answer({ id, author, text }) {
    const strip = this.querySelector("template.reply-strip").content.cloneNode(true).firstElementChild;
    strip.querySelector("input").value = id;
    strip.querySelector("b").textContent = author;
    strip.querySelector("p > span").textContent = text;
    this.#strip?.remove();
    this.querySelector(".composer-box").prepend(strip);
    this.#text.focus();
  }

  #answerNothing(event) {
    event.preventDefault();
    this.#strip.remove();
    this.#text.focus();
    if (new URLSearchParams(location.search).has("reply_to")) history.replaceState(null, "", this.getAttribute("address"));
  }

  // While a message is edited in its row, "Message" is the name of that field.
  #standBeside(isBeside) {
    const label = this.querySelector("label[data-beside]");
    label.dataset.own ??= label.textContent;
    label.textContent = isBeside ? label.dataset.beside : label.dataset.own;
  }

  #takeBack({ text, files, answered }) {
    this.#text.value = [text, this.#text.value].filter(Boolean).join("\n\n");
    this.#choose([...files, ...this.#chosenFiles]);
    if (answered && !this.#strip) this.#answer(answered);
    this.#text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // Files

  get #chosenFiles() {
    return this.#chosen.map(({ file }) => file);
  }

  #pasted(event) {
    const { files, types } = event.clipboardData;
    const isElsewhere = event.target !== this.#text && event.target.closest?.("input, textarea, dialog");
    // A spreadsheet gives a picture of itself beside its text.
    if (!files.length || isElsewhere || (types.includes("text/plain") && types.includes("text/html"))) return;
    event.preventDefault();
    this.#choose([...this.#chosenFiles, ...files]);
    this.#text.focus();
  }

  #dragged(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    const isOver = this.#pane.contains(event.target);
    const isLeaving = event.type === "dragleave";
    // Beside the chat, too: the browser would leave the page to show the file.
    if (!isLeaving) event.preventDefault();
    if (!isLeaving) event.dataTransfer.dropEffect = isOver ? "copy" : "none";
    this.#target.hidden = event.type === "drop" || !isOver || (isLeaving && !event.relatedTarget);
    if (event.type !== "drop" || !isOver) return;
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file" && !item.webkitGetAsEntry?.()?.isDirectory);
    this.#choose([...this.#chosenFiles, ...items.map((item) => item.getAsFile())]);
    this.#text.focus();
  }

  #choose(files) {
    const [largest, most] = ["largest", "most"].map((limit) => Number(this.getAttribute(limit)));
    const { number, large, many } = this.#told.dataset;
    let room = most;
    this.#chosen = files.map((file) => ({ file, wrong: file.size > largest ? large : room-- > 0 ? "" : many }));
    const good = this.#chosen.filter(({ wrong }) => !wrong);
    const bad = this.#chosen.filter(({ wrong }) => wrong);
    this.#files.files = transfer(good.map(({ file }) => file));
    const told = [...bad.map(({ file, wrong }) => `${file.name}: ${wrong}`), number.replace("{number}", good.length)];
    this.#told.textContent = files.length ? told.join(". ") : "";
    return this.#preview();
  }

  async #preview() {
    if (!this.#chosen.length && this.#previews.hidden) return;
    const { draw } = await import("file-previews");
    draw(this.#previews, this.#chosen, async (one) => {
      const at = this.#chosen.indexOf(one);
      await this.#choose(this.#chosenFiles.filter((file) => file !== one.file));
      const next = this.#previews.querySelectorAll("button");
      (next[Math.min(at, next.length - 1)] ?? this.#text).focus();
    });
  }
}

function hasModifier(event) {
  return event.shiftKey || event.ctrlKey || event.altKey || event.metaKey;
}

function transfer(files) {
  const held = new DataTransfer();
  for (const file of files) held.items.add(file);
  return held.files;
}

customElements.define("chat-composer", ChatComposer);
