// <log-acts> around what is shown for it: what one does with a message of the log where it stands. Without a script each of
// these links and buttons leads to a page, and so they do with a key held, and where what they need can't be loaded.

const QUOTED = 140; // characters
const REACTIONS = ["react", "toggle"];

class LogActs extends HTMLElement {
  #log = this.closest("chat-log");
  #listening = null;
  #loaded = new Map(); // name -> module

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#log.addEventListener("click", (event) => this.#pressed(event), { signal });
    document.addEventListener("message.updated", ({ detail }) => this.#learn(detail), { signal });
    document.addEventListener("edit-last", (event) => this.#editLast(event), { signal });
    if (document.querySelector("undo-toast")) import("undo-toast");
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  #pressed(event) {
    const control = event.target.closest("[data-act], .quote, .message-actions a");
    if (!control?.closest("article[id]") || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const isReply = control.search?.startsWith("?reply_to=");
    const what = control.matches(".quote") ? document.querySelector(control.hash) && "jump" : control.dataset.act;
    if (!what && !isReply) return;
    event.preventDefault();
    if (isReply) this.#answer(control);
    else this.#act(what, control);
  }

  #answer(link) {
    const row = link.closest("article");
    const words = row.querySelector(".prose")?.innerText.trim() || `📎 ${row.querySelector(".attachments img")?.alt ?? row.querySelector(".file b")?.textContent}`;
    closeSheet(link);
    const detail = { id: Number(row.id.slice("message-".length)), author: row.querySelector(".message-author").textContent, text: words.slice(0, QUOTED) };
    document.dispatchEvent(new CustomEvent("answered", { detail }));
  }

  // What can't be loaded is done on its page. What is loaded already acts at once, before another key is pressed.
  #act(what, control) {
    const back = control.matches(":focus-visible") ? control : null;
    closeSheet(control);
    if (what === "edit") return this.#edit(control, back);
    const name = REACTIONS.includes(what) ? "message-reactions" : "message-acts";
    const act = async (acts) => acts[what](control, this.#log, back);
    const onPage = () => (control.form ? control.form.requestSubmit(control) : location.assign(control.href));
    const acts = this.#loaded.get(name);
    if (acts) act(acts).catch(onPage);
    else this.#load(name).then(act).catch(onPage);
  }

  async #load(name) {
    const acts = await import(name);
    this.#loaded.set(name, acts);
    return acts;
  }

  #edit(link, back) {
    document.importNode(this.#log.querySelector("template.editing").content, true).firstElementChild.begin(link, back);
  }

  // The row is drawn anew a little later; an editor may open before that.
  #learn({ id, text }) {
    const link = this.#log.querySelector(`#message-${id} [data-act=edit]`);
    if (link) link.dataset.text = text;
  }

  #editLast(event) {
    const own = [...this.#log.querySelectorAll(":scope > .log-column > article[id] [data-own] [data-act=edit]")].at(-1);
    if (!own) return;
    event.preventDefault();
    this.#act("edit", own);
  }
}

// On a touch screen the actions stand on a sheet.
function closeSheet(control) {
  const sheet = control.closest("[popover]");
  if (sheet?.matches(":popover-open")) sheet.hidePopover();
}

customElements.define("log-acts", LogActs);
