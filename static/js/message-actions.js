// <message-actions> in a <message-list>: runs the action of a message's link or button (`data-action`) on this page.
// Without scripts, with a modifier key, or if the module can't be loaded, the control leads to its own page.
import { truncate } from "text";

import { leave } from "navigation";

const QUOTED = 140; // characters
const REACTIONS = ["react", "toggle"];

class MessageActions extends HTMLElement {
  #messageList = this.closest("message-list");
  #listening = null;
  #modules = new Map(); // name -> module

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#messageList.addEventListener("click", (event) => this.#onClick(event), { signal });
    document.addEventListener("message.updated", ({ detail }) => this.#onUpdated(detail), { signal });
    document.addEventListener("edit-last", (event) => this.#editLast(event), { signal });
    document.addEventListener("keydown", () => (this.#messageList.dataset.by = "keys"), { signal });
    this.#messageList.addEventListener("pointermove", (event) => this.#onPointermove(event), { signal, passive: true });
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  #onClick(event) {
    const control = event.target.closest("[data-action], .quote, .message-actions a");
    if (
      !control?.closest("article[id]") ||
      event.defaultPrevented ||
      event.ctrlKey ||
      event.metaKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const isReply = control.search?.startsWith("?reply_to=");
    const action = control.matches(".quote") ? document.querySelector(control.hash) && "jump" : control.dataset.action;
    if (!action && !isReply) return;
    event.preventDefault();
    if (isReply) this.#reply(control);
    else this.#run(action, control);
  }

  // A resting mouse over a scrolling list points at nothing.
  #onPointermove({ pointerType, movementX, movementY }) {
    if (pointerType === "mouse" && (movementX || movementY)) this.#messageList.dataset.by = "mouse";
  }

  #reply(link) {
    const row = link.closest("article");
    const text =
      row.querySelector(".prose")?.innerText.trim() ||
      `📎 ${row.querySelector(".attachments img")?.alt ?? row.querySelector(".file b")?.textContent}`;
    closeSheet(link);
    const detail = {
      id: Number(row.id.slice("message-".length)),
      author: row.querySelector(".message-author").textContent,
      text: truncate(text, QUOTED),
    };
    document.dispatchEvent(new CustomEvent("reply-set", { detail }));
  }

  // Runs synchronously once the module is loaded, before another key is pressed; on failure follows the control.
  #run(action, control) {
    const back = control.matches(":focus-visible") ? control : null;
    closeSheet(control);
    if (action === "edit") return this.#edit(control, back);
    const name = REACTIONS.includes(action) ? "message-reactions" : "message-commands";
    const run = async (module) => module[action](control, this.#messageList, back);
    const fallBack = () => (control.form ? control.form.requestSubmit(control) : leave(control.href));
    const module = this.#modules.get(name);
    if (module) run(module).catch(fallBack);
    else this.#load(name).then(run).catch(fallBack);
  }

  async #load(name) {
    const module = await import(name);
    this.#modules.set(name, module);
    return module;
  }

  #edit(link, back) {
    document
      .importNode(this.#messageList.querySelector("template.editing").content, true)
      .firstElementChild.begin(link, back);
  }

  // The row is rendered again later; an editor may open before that.
  #onUpdated({ id, text }) {
    const link = this.#messageList.querySelector(`#message-${id} [data-action=edit]`);
    if (link) link.dataset.text = text;
  }

  #editLast(event) {
    const own = [
      ...this.#messageList.querySelectorAll(":scope > .message-column > article[id] [data-own] [data-action=edit]"),
    ].at(-1);
    if (!own) return;
    event.preventDefault();
    this.#run("edit", own);
  }
}

// On touch screens the actions are in a bottom sheet.
function closeSheet(control) {
  const sheet = control.closest("[popover]");
  if (sheet?.matches(":popover-open")) sheet.hidePopover();
}

customElements.define("message-actions", MessageActions);
