// <code-copy label copied> after a <message-list>: adds a copy button to each block of code.

const COPIED_FOR = 2000; // ms

class CodeCopy extends HTMLElement {
  #messageList = this.parentElement.querySelector("message-list");
  #listening = null;

  connectedCallback() {
    if (!navigator.clipboard) return; // needs HTTPS or localhost
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#messageList.addEventListener("rows-changed", () => this.#addButtons(this.#messageList), { signal });
    // A row that is about to be updated: what is on screen has its buttons.
    this.#messageList.addEventListener("row-updating", ({ detail }) => this.#addButtons(detail), { signal });
    this.#messageList.addEventListener("click", (event) => this.#onClick(event.target.closest("button.copy")), {
      signal,
    });
    this.#addButtons(this.#messageList);
  }

  disconnectedCallback() {
    this.#listening?.abort();
  }

  #addButtons(rows) {
    for (const code of rows.querySelectorAll(".prose pre:not(.code > pre)")) {
      const [box, button] = [document.createElement("div"), document.createElement("button")];
      box.className = "code";
      button.className = "button copy";
      button.type = "button";
      button.textContent = this.getAttribute("label");
      code.replaceWith(box);
      box.append(code, button);
    }
  }

  async #onClick(button) {
    if (!button) return;
    await navigator.clipboard.writeText(button.previousElementSibling.textContent.replace(/\n$/, ""));
    button.textContent = this.textContent = this.getAttribute("copied");
    setTimeout(() => {
      button.textContent = this.getAttribute("label");
      this.textContent = "";
    }, COPIED_FOR);
  }
}

customElements.define("code-copy", CodeCopy);
