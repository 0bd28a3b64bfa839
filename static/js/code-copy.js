// <code-copy label copied> after a log: gives each block of code in it a button that copies it, and says so.

const SAID = 2000; // ms

class CodeCopy extends HTMLElement {
  #log = this.parentElement.querySelector("chat-log");
  #listening = null;

  connectedCallback() {
    if (!navigator.clipboard) return; // only https and this machine have one
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#log.addEventListener("arranged", () => this.#add(), { signal });
    this.#log.addEventListener("click", (event) => this.#copy(event.target.closest("button.copy")), { signal });
    this.#add();
  }

  disconnectedCallback() {
    this.#listening?.abort();
  }

  #add() {
    for (const code of this.#log.querySelectorAll(".prose pre:not(.code > pre)")) {
      const [box, button] = [document.createElement("div"), document.createElement("button")];
      box.className = "code";
      button.className = "button copy";
      button.type = "button";
      button.textContent = this.getAttribute("label");
      code.replaceWith(box);
      box.append(code, button);
    }
  }

  async #copy(button) {
    if (!button) return;
    await navigator.clipboard.writeText(button.previousElementSibling.textContent.replace(/\n$/, ""));
    button.textContent = this.textContent = this.getAttribute("copied");
    setTimeout(() => {
      button.textContent = this.getAttribute("label");
      this.textContent = "";
    }, SAID);
  }
}

customElements.define("code-copy", CodeCopy);
