// <ask-first> around buttons that lead to a confirmation page: shows that page in a dialog instead.
import { leave } from "navigation";

class AskFirst extends HTMLElement {
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    this.addEventListener("submit", (event) => this.#ask(event), { signal: this.#listening.signal });
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  async #ask(event) {
    const form = event.target;
    if (form.method !== "get") return;
    event.preventDefault();
    this.#stepsBack(true);
    try {
      const { openPage } = await import("page-dialog");
      const dialog = this.querySelector("template.page-dialog").content.cloneNode(true).firstElementChild;
      if (!(await openPage({ href: form.action }, dialog))) return this.#stepsBack(false);
      dialog.addEventListener("close", () => {
        this.#stepsBack(false);
        event.submitter?.focus();
      });
    } catch {
      this.#stepsBack(false);
      leave(form.action);
    }
  }

  // The confirming button has the same name: hide this one from assistive technology meanwhile.
  #stepsBack(isBehind) {
    this.inert = isBehind;
    this.ariaHidden = isBehind ? "true" : null;
  }
}

customElements.define("ask-first", AskFirst);
