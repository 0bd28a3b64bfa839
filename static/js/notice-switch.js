// <notice-switch hidden>: whether this browser shows notices, and the button that changes it. Of its parts those of the
// state (notices.js) are shown.
import { state, turn } from "notices";

class NoticeSwitch extends HTMLElement {
  #end = null;

  connectedCallback() {
    this.#end = new AbortController();
    this.addEventListener("click", (event) => this.#pressed(event.target.closest("button")), { signal: this.#end.signal });
    this.hidden = false;
    this.#show(state());
  }

  disconnectedCallback() {
    this.#end.abort();
  }

  async #pressed(button) {
    if (!button) return;
    this.#show(await turn(button.dataset.state === "off"));
    this.querySelector("[data-state]:not([hidden])").focus();
  }

  #show(now) {
    for (const part of this.querySelectorAll("[data-state]")) part.hidden = part.dataset.state !== now;
  }
}

customElements.define("notice-switch", NoticeSwitch);
