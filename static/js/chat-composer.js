// <chat-composer chat user address> around the form for the next message: Enter sends, Shift+Enter breaks the line
// (on a touch screen, whose keyboard has no Shift+Enter, the button sends). What is sent goes into the outbox and is said to
// the page as "written"; while somebody types, the others are told.
import { api, outboxOf } from "server";

const TYPING_EVERY = 1000; // ms

class ChatComposer extends HTMLElement {
  #chat = Number(this.getAttribute("chat"));
  #form = this.querySelector("form");
  #text = this.querySelector("textarea");
  #files = this.querySelector("input[type=file]");
  #previews = this.querySelector(".previews");
  #outbox = outboxOf(Number(this.getAttribute("user")));
  #toldAt = 0;

  connectedCallback() {
    this.#form.addEventListener("submit", (event) => this.#send(event));
    this.#text.addEventListener("keydown", (event) => this.#pressed(event));
    this.#text.addEventListener("input", () => this.#typed());
    this.#text.addEventListener("paste", (event) => this.#pasted(event));
    this.#files.addEventListener("change", () => this.#preview());
    this.querySelector("button[name=emoji]").addEventListener("click", (event) => this.#offerEmoji(event.currentTarget));
    this.#preview();
    import("chat-draft");
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
    const touches = matchMedia("(hover: none) and (pointer: coarse)").matches;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || touches) return;
    event.preventDefault();
    if (!event.repeat) this.#form.requestSubmit();
  }

  async #send(event) {
    const text = this.#text.value;
    const files = [...this.#files.files];
    event.preventDefault();
    if (!text.trim() && !files.length) return this.#text.focus();
    const replyTo = Number(this.#form.elements.reply_to?.value) || null;
    const entry = { chat: this.#chat, key: crypto.randomUUID(), text, files, replyTo, written: Date.now() };
    if (!this.#canKeep) return this.#form.submit();
    this.dispatchEvent(new CustomEvent("written", { detail: entry, bubbles: true }));
    this.#clear(replyTo);
    try {
      await this.#outbox.add(entry);
    } catch {
      // The browser keeps nothing for this page: the form goes as it did before there were scripts.
      this.#text.value = text;
      this.#files.files = transfer(files);
      return this.#form.submit();
    }
    if (document.querySelector("chat-log[newer]")) location.assign(this.getAttribute("address"));
  }

  get #canKeep() {
    // Locks and keys are there in secure contexts alone: https, or this machine.
    return isSecureContext && "locks" in navigator && "indexedDB" in globalThis;
  }

  #clear(replyTo) {
    this.#form.querySelector(".composer-reply")?.remove();
    this.#form.querySelector("#text-error")?.remove();
    this.#text.removeAttribute("aria-invalid");
    this.#text.removeAttribute("aria-describedby");
    this.#text.value = "";
    this.#files.value = "";
    this.#toldAt = 0;
    this.#preview();
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

  #pasted(event) {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    this.#choose([...this.#files.files, ...event.clipboardData.files]);
  }

  #choose(files) {
    this.#files.files = transfer(files);
    this.#preview();
  }

  #preview() {
    const files = [...this.#files.files];
    this.#previews.hidden = !files.length;
    this.#previews.replaceChildren(
      ...files.map((file) => {
        const preview = this.querySelector("template.chosen-file").content.cloneNode(true).firstElementChild;
        preview.querySelector("b").textContent = file.name;
        const remove = preview.querySelector("button");
        const words = remove.querySelector("span");
        words.textContent = words.textContent.replace("{name}", file.name);
        remove.addEventListener("click", () => {
          this.#choose(files.filter((one) => one !== file));
          this.#text.focus();
        });
        return preview;
      }),
    );
  }
}

function transfer(files) {
  const held = new DataTransfer();
  for (const file of files) held.items.add(file);
  return held.files;
}

customElements.define("chat-composer", ChatComposer);
