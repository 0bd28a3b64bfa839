// <auto-save saved unsaved except> in a form, around a choice and its button: saves the choice when it changes, hides
// the button and says that it is saved. The choice `except` still needs the button, so that arrow keys can't make it by
// accident.

class AutoSave extends HTMLElement {
  #form = this.closest("form");
  #button = this.querySelector("button");
  #status = document.createElement("p");
  #saving = Promise.resolve(); // saves run one after another
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    this.#status.className = "hint saved";
    this.#status.role = "status";
    this.append(this.#status);
    this.#button.hidden = true;
    this.addEventListener("change", ({ target }) => this.#onChange(target.value), { signal: this.#listening.signal });
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  #onChange(value) {
    this.#button.hidden = value !== this.getAttribute("except");
    if (!this.#button.hidden) return;
    const body = new URLSearchParams(new FormData(this.#form));
    this.#saving = this.#saving.then(() => this.#save(body));
  }

  async #save(body) {
    // Success is a redirect.
    const options = { method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(30_000) };
    const response = await fetch(this.#form.action, options).catch(() => null);
    const isSaved = response?.type === "opaqueredirect";
    this.#button.hidden = isSaved;
    this.#status.textContent = this.getAttribute(isSaved ? "saved" : "unsaved");
  }
}

customElements.define("auto-save", AutoSave);
