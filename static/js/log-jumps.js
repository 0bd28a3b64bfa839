// <log-jumps> around two links over the log: to where reading stopped, shown while that is above the screen, and to the
// newest message, shown while that is below it, with how many there are that nobody has looked at yet.

class LogJumps extends HTMLElement {
  #log = this.parentElement.querySelector("chat-log");
  #up = this.querySelector(".is-up");
  #down = this.querySelector(".jump:not(.is-up)");
  #count = this.#down.querySelector(".badge");
  #isDue = false;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    for (const type of ["scroll", "arranged"]) this.#log.addEventListener(type, () => this.#soon(), { passive: true, signal });
    addEventListener("resize", () => this.#soon(), { signal });
    this.addEventListener("click", (event) => this.#jump(event), { signal });
    this.#soon();
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  #soon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      if (this.isConnected) this.#show();
    });
  }

  #show() {
    const line = this.#log.querySelector(".unread-line");
    if (this.#up && line) {
      this.#up.hidden = line.getBoundingClientRect().top >= this.#log.getBoundingClientRect().top;
      this.#up.setAttribute("href", "#unread");
    }
    this.#down.hidden = this.#log.isAtEnd;
    const unseen = this.#log.unseen;
    this.#count.hidden = !unseen;
    this.#count.textContent = unseen || "";
  }

  // Where the place is on this page, one goes there without leaving it.
  #jump(event) {
    const link = event.target.closest("a");
    const isHere = link === this.#up ? this.#log.querySelector(".unread-line") : !this.#log.hasAttribute("newer");
    if (!link || !isHere) return;
    event.preventDefault();
    if (link === this.#up) this.#log.toLine();
    else this.#log.toEnd();
    this.#log.focus({ preventScroll: true });
  }
}

customElements.define("log-jumps", LogJumps);
