// <jump-links>: two links over a <message-list>. One leads to the first unread message while that is above the screen,
// the other to the newest message while that is below, with the number of unseen ones.

class JumpLinks extends HTMLElement {
  #messageList = this.parentElement.querySelector("message-list");
  #up = this.querySelector(".is-up");
  #down = this.querySelector(".jump:not(.is-up)");
  #badge = this.#down.querySelector(".badge");
  #isScheduled = false;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    for (const type of ["scroll", "rows-changed"])
      this.#messageList.addEventListener(type, () => this.#scheduleUpdate(), { passive: true, signal });
    addEventListener("resize", () => this.#scheduleUpdate(), { signal });
    document.addEventListener("rows", () => this.#scheduleUpdate(), { signal }); // the unread counts may have changed
    this.addEventListener("click", (event) => this.#onClick(event), { signal });
    this.#scheduleUpdate();
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  #scheduleUpdate() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      if (this.isConnected) this.#update();
    });
  }

  #update() {
    const line = this.#messageList.querySelector(".unread-line");
    if (this.#up) {
      // Relative to the pane, since the list begins lower while this link is shown.
      this.#up.hidden =
        line && line.getBoundingClientRect().top >= this.#messageList.parentElement.getBoundingClientRect().top;
      this.#up.setAttribute("href", line ? "#unread" : this.#up.dataset.unreadUrl);
    }
    this.#down.hidden = this.#messageList.isAtEnd;
    const unseen = this.#messageList.unseen;
    this.#badge.hidden = !unseen;
    this.#badge.textContent = unseen || "";
  }

  // Scroll within the page instead of following the link.
  #onClick(event) {
    const link = event.target.closest("a");
    if (!link || (link === this.#up && !this.#messageList.querySelector(".unread-line"))) return;
    event.preventDefault();
    if (link === this.#up) this.#messageList.scrollToUnread();
    else this.#messageList.scrollToEnd();
    this.#messageList.focus({ preventScroll: true });
  }
}

customElements.define("jump-links", JumpLinks);
