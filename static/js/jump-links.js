// <jump-links>: two links over a <message-list>. One leads to the first unread message while that is above the screen,
// the other to the newest message while that is below, with the number of unseen ones.

class JumpLinks extends HTMLElement {
  #messageList = this.parentElement.querySelector("message-list");
  #up = this.querySelector(".is-up");
  #down = this.querySelector(".jump:not(.is-up)");
  #count = this.#down.querySelector(".badge");
  #isDue = false;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    for (const type of ["scroll", "arranged"])
      this.#messageList.addEventListener(type, () => this.#soon(), { passive: true, signal });
    addEventListener("resize", () => this.#soon(), { signal });
    document.addEventListener("rows", () => this.#soon(), { signal }); // the list has counted anew
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
    const line = this.#messageList.querySelector(".unread-line");
    if (this.#up) {
      // Relative to the pane, since the list begins lower while this link is shown.
      this.#up.hidden =
        line && line.getBoundingClientRect().top >= this.#messageList.parentElement.getBoundingClientRect().top;
      this.#up.setAttribute("href", line ? "#unread" : this.#up.dataset.there);
    }
    this.#down.hidden = this.#messageList.isAtEnd;
    const unseen = this.#messageList.unseen;
    this.#count.hidden = !unseen;
    this.#count.textContent = unseen || "";
  }

  // A target on this page is scrolled to without leaving it.
  #jump(event) {
    const link = event.target.closest("a");
    if (!link || (link === this.#up && !this.#messageList.querySelector(".unread-line"))) return;
    event.preventDefault();
    if (link === this.#up) this.#messageList.toLine();
    else this.#messageList.toEnd();
    this.#messageList.focus({ preventScroll: true });
  }
}

customElements.define("jump-links", JumpLinks);
