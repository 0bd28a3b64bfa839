// <notification-switch hidden>: shows whether this browser notifies, with a button to change it. The part whose
// `data-state` is the current state (notifications.js) is visible.
import { setEnabled, state } from "notifications";

class NotificationSwitch extends HTMLElement {
  #end = null;

  connectedCallback() {
    this.#end = new AbortController();
    this.addEventListener("click", (event) => this.#pressed(event.target.closest("button")), {
      signal: this.#end.signal,
    });
    this.hidden = false;
    this.#show(state());
  }

  disconnectedCallback() {
    this.#end.abort();
  }

  async #pressed(button) {
    if (!button) return;
    this.#show(await setEnabled(button.dataset.state === "off"));
    this.querySelector("[data-state]:not([hidden])").focus();
  }

  #show(now) {
    for (const part of this.querySelectorAll("[data-state]")) part.hidden = part.dataset.state !== now;
  }
}

customElements.define("notification-switch", NotificationSwitch);
