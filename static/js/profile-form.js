// <profile-form> around the first form of the settings: saves theme and language when they change, and crops a picture
// before upload. Without scripts the button saves everything, and the server crops to the middle.

import { api } from "server";

class ProfileForm extends HTMLElement {
  #listening = null;
  #face = null; // the avatar before cropping
  #isCropped = false;
  #keeping = Promise.resolve(); // saves run one after another

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.addEventListener("change", ({ target }) => this.#changed(target), { signal });
    this.addEventListener("submit", (event) => this.#sent(event), { signal });
    this.#cropper.addEventListener("given-up", () => this.#giveUp(), { signal });
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  #changed(field) {
    if (field.name === "theme") this.#dress(field.value);
    if (field.name === "theme" || field.name === "language") this.#keep(field.name, field.value);
    if (field.name === "avatar" && field.files.length) this.#crop(field);
  }

  #dress(theme) {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  }

  #keep(name, value) {
    this.#keeping = this.#keeping
      .then(() => api("PATCH", "/api/users/me", { [name]: value }))
      .then(({ ok }) => this.#showResult(ok, name === "language" ? value : null))
      .catch(() => this.#showResult(false));
  }

  // Not reloaded automatically: arrow keys pass through the list, and typed text would be lost.
  #showResult(isSaved, language = null) {
    const words = [this.getAttribute(isSaved ? "saved" : "unsaved")];
    if (isSaved && language !== null && language !== document.documentElement.lang) {
      const link = document.createElement("a");
      link.href = location.pathname;
      link.lang = language || document.documentElement.lang;
      link.textContent = this.getAttribute(`show-${language || "any"}`);
      words.push(" ", link);
    }
    this.querySelector("[role=status]").replaceChildren(...words);
  }

  async #crop(field) {
    await import(this.getAttribute("cropper"));
    this.#face ??= [...this.#avatar.childNodes];
    this.#isCropped = await this.#cropper.begin(field.files[0], this.#avatar);
    // A file that the browser can't decode is sent as it is; the server explains what is wrong.
    if (!this.#isCropped) this.#avatar.replaceChildren(...this.#face);
  }

  #giveUp() {
    this.#isCropped = false;
    this.#avatar.replaceChildren(...this.#face);
    const field = this.querySelector("[name=avatar]");
    field.value = "";
    field.focus();
  }

  // Replaces the chosen file by the square, then submits the form.
  async #sent(event) {
    if (!this.#isCropped) return;
    event.preventDefault();
    const chosen = new DataTransfer();
    chosen.items.add(await this.#cropper.cut());
    this.querySelector("[name=avatar]").files = chosen.files;
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
