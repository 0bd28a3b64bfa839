// <search-page>: updates the results as one types. It fetches the page that the form would lead to and replaces the
// results; the URL follows, so that a reload finds the same.
import { parseHtml } from "server";
import { updateInPlace } from "update-in-place";

const PAUSE = 150; // ms without a key before the server is asked

class SearchPage extends HTMLElement {
  #timer = 0;
  #asking = null;
  #life = null;

  connectedCallback() {
    this.#life = new AbortController();
    this.addEventListener("input", () => this.#typed(), { signal: this.#life.signal });
  }

  disconnectedCallback() {
    this.#life?.abort();
    this.#cancelRequest();
  }

  #cancelRequest() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  #typed() {
    this.#cancelRequest();
    this.#timer = setTimeout(() => this.#ask(), PAUSE);
  }

  async #ask() {
    const { signal } = (this.#asking = new AbortController());
    const form = this.querySelector("form");
    const address = `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
    try {
      const answer = await fetch(address, { signal, redirect: "manual" });
      // Signed out or throttled: the button leads to a page that says so.
      if (!answer.ok) return;
      const page = parseHtml(await answer.text());
      const results = page.querySelector(".search-results");
      this.querySelector("[role=status]").textContent = results.querySelector("h2")?.textContent ?? "";
      updateInPlace(this.querySelector(".search-results"), document.adoptNode(results));
      history.replaceState(history.state, "", address);
    } catch (error) {
      if (!signal.aborted && !(error instanceof TypeError)) throw error; // a TypeError is a network error
    }
  }
}

customElements.define("search-page", SearchPage);
