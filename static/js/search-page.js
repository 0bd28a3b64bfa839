// <search-page>: updates the results while the user types. It fetches the page that the form would lead to and replaces
// the results; the URL follows, so that a reload shows the same results.
import { parseHtml } from "server";
import { updateInPlace } from "update-in-place";

const PAUSE = 150; // ms without a key before the server is asked

class SearchPage extends HTMLElement {
  #timer = 0;
  #request = null;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    this.addEventListener("input", () => this.#onInput(), { signal: this.#listening.signal });
  }

  disconnectedCallback() {
    this.#listening?.abort();
    this.#cancelRequest();
  }

  #cancelRequest() {
    clearTimeout(this.#timer);
    this.#request?.abort();
  }

  #onInput() {
    this.#cancelRequest();
    this.#timer = setTimeout(() => this.#fetchResults(), PAUSE);
  }

  async #fetchResults() {
    const { signal } = (this.#request = new AbortController());
    const form = this.querySelector("form");
    const url = `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
    try {
      const response = await fetch(url, { signal, redirect: "manual" });
      // Signed out or throttled: the button leads to a page that says so.
      if (!response.ok) return;
      const page = parseHtml(await response.text());
      const results = page.querySelector(".search-results");
      this.querySelector("[role=status]").textContent = results.querySelector("h2")?.textContent ?? "";
      updateInPlace(this.querySelector(".search-results"), document.adoptNode(results));
      history.replaceState(history.state, "", url);
    } catch (error) {
      if (!signal.aborted && !(error instanceof TypeError)) throw error; // a TypeError is a network error
    }
  }
}

customElements.define("search-page", SearchPage);
