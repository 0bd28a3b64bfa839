// <file-field none> around the input of one file, which lies unseen over the words beside it: a button and the name of
// what was chosen, in the language of the page instead of the browser's.

class FileField extends HTMLElement {
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    // What was chosen is still there when the browser goes back to the page.
    addEventListener("pageshow", () => this.#showName(), { signal: this.#listening.signal });
    this.addEventListener("change", () => this.#showName(), { signal: this.#listening.signal });
    this.#showName();
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  #showName() {
    const [file] = this.#input.files;
    this.querySelector(".file-name").textContent = file ? file.name : this.getAttribute("none");
  }

  get #input() {
    return this.querySelector("input");
  }
}

customElements.define("file-field", FileField);
