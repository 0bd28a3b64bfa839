// <notification-switch hidden>: shows whether this browser notifies, with a button to change it. The part whose
// `data-state` is the current state (notifications.js) is visible.
import { setEnabled, state } from "notifications";

class NotificationSwitch extends HTMLElement {
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    this.addEventListener("click", (event) => this.#onClick(event.target.closest("button")), {
      signal: this.#listening.signal,
    });
    this.hidden = false;
    this.#show(state());
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  async #onClick(button) {
    if (!button) return;
    this.#show(await setEnabled(button.dataset.state === "off"));
    this.querySelector("[data-state]:not([hidden])").focus();
  }

  #show(current) {
    for (const part of this.querySelectorAll("[data-state]")) part.hidden = part.dataset.state !== current;
  }
}

customElements.define("notification-switch", NotificationSwitch);
