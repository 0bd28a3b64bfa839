// <search-page>: the results follow what is typed and chosen. The page of the server is asked for as the form would, and
// its results put in the place of those that are here; the address follows, so that a reload finds the same.
import { parsed } from "server";

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
    this.#quiet();
  }

  #quiet() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  #typed() {
    this.#quiet();
    this.#timer = setTimeout(() => this.#ask(), PAUSE);
  }

  async #ask() {
    const { signal } = (this.#asking = new AbortController());
    const form = this.querySelector("form");
    const address = `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
    try {
      const answer = await fetch(address, { signal, redirect: "manual" });
      // Signed out, or too busy: the button leads to the page that tells.
      if (!answer.ok) return;
      const page = parsed(await answer.text());
      const results = page.querySelector(".search-results");
      this.querySelector(".search-results").replaceWith(document.adoptNode(results));
      this.querySelector("[role=status]").textContent = results.querySelector("h2")?.textContent ?? "";
      history.replaceState(history.state, "", address);
    } catch (error) {
      if (!signal.aborted && !(error instanceof TypeError)) throw error; // a TypeError is the network's
    }
  }
}

customElements.define("search-page", SearchPage);
