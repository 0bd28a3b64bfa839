// <ask-first> around buttons that lead to a confirmation page: shows that page in a dialog instead.
import { leave } from "navigation";

class AskFirst extends HTMLElement {
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    this.addEventListener("submit", (event) => this.#onSubmit(event), { signal: this.#listening.signal });
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  async #onSubmit(event) {
    const form = event.target;
    if (form.method !== "get") return;
    event.preventDefault();
    this.#setHidden(true);
    try {
      const { openPage } = await import("page-dialog");
      const dialog = this.querySelector("template.page-dialog").content.cloneNode(true).firstElementChild;
      if (!(await openPage({ href: form.action }, dialog))) return this.#setHidden(false);
      dialog.addEventListener("close", () => {
        this.#setHidden(false);
        event.submitter?.focus();
      });
    } catch {
      this.#setHidden(false);
      leave(form.action);
    }
  }

  // The confirming button has the same name: hide this one from assistive technology meanwhile.
  #setHidden(isHidden) {
    this.inert = isHidden;
    this.ariaHidden = isHidden ? "true" : null;
  }
}

customElements.define("ask-first", AskFirst);
