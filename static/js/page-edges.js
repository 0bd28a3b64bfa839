// The links to older and newer messages at the ends of a <message-list>. What lies beyond is loaded when one scrolls
// near a link or follows it.

const NEAR = 500; // px

export class PageEdges {
  #list;
  #tasks;
  #observer;
  #isScrolled = false;

  // `tasks` are those that load {older, newer} messages, by the id of the link's element.
  constructor(list, tasks) {
    this.#list = list;
    this.#tasks = tasks;
    this.#observer = new IntersectionObserver((entries) => this.#onIntersection(entries), {
      root: list,
      rootMargin: `${NEAR}px 0px`,
    });
  }

  connect(signal) {
    this.#list.addEventListener("click", (event) => this.#onClick(event), { signal });
    // Nothing is loaded ahead before somebody scrolls: the first page stays small.
    const onScroll = () => {
      this.#isScrolled = true;
      this.watch();
    };
    this.#list.addEventListener("scroll", onScroll, { once: true, passive: true, signal });
  }

  disconnect() {
    this.#observer.disconnect();
  }

  // Observes the links that are there now.
  watch() {
    this.disconnect();
    if (!this.#isScrolled) return;
    for (const edge of this.#list.querySelectorAll(":scope > .message-column > :is(#older, #newer)"))
      this.#observer.observe(edge);
  }

  #onIntersection(entries) {
    for (const { isIntersecting, target } of entries) if (isIntersecting) this.#load(target);
  }

  #onClick(event) {
    const edge = event.target.closest("#older a, #newer a")?.parentElement;
    if (!edge || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#load(edge);
  }

  #load(edge) {
    this.#observer.unobserve(edge);
    this.#tasks[edge.id].start();
  }
}
