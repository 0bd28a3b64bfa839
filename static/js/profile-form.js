// <profile-form> around the settings' first form: theme and language count as soon as they are chosen, and a picture is
// cropped before it goes along. Without this file the button saves all of it, and the server takes a picture's middle.

import { api } from "server";

class ProfileForm extends HTMLElement {
  #listening = null;
  #face = null; // what the avatar showed before
  #isCropped = false;
  #keeping = Promise.resolve(); // one change after the other, in the order of choosing

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
      .then(({ ok }) => this.#tell(ok, name === "language" ? value : null))
      .catch(() => this.#tell(false));
  }

  // The page is not loaded anew by itself: arrow keys go through the list one by one, and what was typed would be gone.
  #tell(isSaved, language = null) {
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
    // What the browser knows no picture in goes along as it is; the server says what is wrong with it.
    if (!this.#isCropped) this.#avatar.replaceChildren(...this.#face);
  }

  #giveUp() {
    this.#isCropped = false;
    this.#avatar.replaceChildren(...this.#face);
    const field = this.querySelector("[name=avatar]");
    field.value = "";
    field.focus();
  }

  // The square takes the place of what was chosen, then the form goes on as it was sent.
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
