// <log-acts> around what is shown for it: what one does with a message of the log where it stands. Without a script each of
// these links and buttons leads to a page, and so they do with a key held, and where what they need can't be loaded.

const QUOTED = 140; // characters

class LogActs extends HTMLElement {
  #log = this.closest("chat-log");
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#log.addEventListener("click", (event) => this.#followed(event), { signal });
    this.#log.addEventListener("click", (event) => this.#acts(event), { signal });
    document.addEventListener("edit-last", (event) => this.#editLast(event), { signal });
    if (document.querySelector("undo-toast")) import("undo-toast");
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  #acts(event) {
    const control = event.target.closest("[data-act]");
    if (!control || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    event.preventDefault();
    control.closest("[popover]:popover-open")?.hidePopover();
    import("message-acts").then(
      (acts) => acts[control.dataset.act](control, this.#log),
      () => (control.form ? control.form.requestSubmit(control) : location.assign(control.href)),
    );
  }

  #followed(event) {
    const link = event.target.closest(".message-actions a, .quote");
    const row = link?.closest("article[id]");
    if (!row || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const [, what] = /\/messages\/\d+\/(edit|delete)$/.exec(link.pathname) ?? [];
    if (link.matches(".quote") ? document.querySelector(link.hash) : link.search.startsWith("?reply_to=")) {
      event.preventDefault();
      link.matches(".quote") ? this.#inPlace("jump", row, link) : this.#answer(row, link);
    } else if (what) {
      event.preventDefault();
      this.#inPlace(what, row, link);
    }
  }

  #answer(row, link) {
    const words = row.querySelector(".prose")?.innerText.trim() || `📎 ${row.querySelector(".attachments img")?.alt ?? row.querySelector(".file b")?.textContent}`;
    closeSheet(link);
    const detail = { id: Number(row.id.slice("message-".length)), author: row.querySelector(".message-author").textContent, text: words.slice(0, QUOTED) };
    document.dispatchEvent(new CustomEvent("answered", { detail }));
  }

  // What can't be loaded is done on its page.
  #inPlace(what, row, link) {
    if (what === "edit") document.dispatchEvent(new CustomEvent("editing", { detail: { on: true } }));
    const back = link.matches(":focus-visible") ? link : null;
    closeSheet(link);
    import("message-actions").then((actions) => actions[what](this.#log, row, link, back)).catch(() => location.assign(link.href));
  }

  #editLast(event) {
    const own = [...this.#log.querySelectorAll(":scope > .log-column > article[id]")].filter((row) => row.querySelector('[data-own] a[href$="/edit"]')).at(-1);
    if (!own) return;
    event.preventDefault();
    this.#inPlace("edit", own, own.querySelector('[data-own] a[href$="/edit"]'));
  }
}

// On a touch screen the actions stand on a sheet.
function closeSheet(link) {
  const sheet = link.closest("[popover]");
  if (sheet?.matches(":popover-open")) sheet.hidePopover();
}

customElements.define("log-acts", LogActs);
