// <profile-form> around the first form of the settings: saves theme and language when they change, and crops a picture
// before upload. Without scripts the button saves everything, and the server crops to the middle.

import { api } from "server";

class ProfileForm extends HTMLElement {
  #listening = null;
  #avatarNodes = null; // the avatar before cropping
  #isCropped = false;
  #saving = Promise.resolve(); // saves run one after another

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.addEventListener("change", ({ target }) => this.#onChange(target), { signal });
    this.addEventListener("submit", (event) => this.#onSubmit(event), { signal });
    this.#cropper.addEventListener("discarded", () => this.#onDiscarded(), { signal });
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  #onChange(field) {
    if (field.name === "theme") this.#applyTheme(field.value);
    if (field.name === "theme" || field.name === "language") this.#save(field.name, field.value);
    if (field.name === "avatar" && field.files.length) this.#crop(field);
  }

  #applyTheme(theme) {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  }

  #save(name, value) {
    this.#saving = this.#saving
      .then(() => api("PATCH", "/api/users/me", { [name]: value }))
      .then(({ ok }) => this.#showResult(ok, name === "language" ? value : null))
      .catch(() => this.#showResult(false));
  }

  // Not reloaded automatically: arrow keys pass through the list, and typed text would be lost.
  #showResult(isSaved, language = null) {
    const parts = [this.getAttribute(isSaved ? "saved" : "unsaved")];
    if (isSaved && language !== null && language !== document.documentElement.lang) {
      const link = document.createElement("a");
      link.href = location.pathname;
      link.lang = language || document.documentElement.lang;
      link.textContent = this.getAttribute(`show-${language || "any"}`);
      parts.push(" ", link);
    }
    this.querySelector("[role=status]").replaceChildren(...parts);
  }

  async #crop(field) {
    await import(this.getAttribute("cropper"));
    this.#avatarNodes ??= [...this.#avatar.childNodes];
    this.#isCropped = await this.#cropper.begin(field.files[0], this.#avatar);
    // A file that the browser can't decode is sent as it is; the server explains what is wrong.
    if (!this.#isCropped) this.#avatar.replaceChildren(...this.#avatarNodes);
  }

  #onDiscarded() {
    this.#isCropped = false;
    this.#avatar.replaceChildren(...this.#avatarNodes);
    const field = this.querySelector("[name=avatar]");
    field.value = "";
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.focus();
  }

  // Replaces the chosen file with the square, then submits the form.
  async #onSubmit(event) {
    if (!this.#isCropped) return;
    event.preventDefault();
    const transfer = new DataTransfer();
    transfer.items.add(await this.#cropper.cut());
    this.querySelector("[name=avatar]").files = transfer.files;
    this.#isCropped = false;
    event.target.requestSubmit(event.submitter);
  }

  get #cropper() {
    return this.querySelector("avatar-crop");
  }

  get #avatar() {
    return this.querySelector(".avatar-field > .avatar");
  }
}

customElements.define("profile-form", ProfileForm);
