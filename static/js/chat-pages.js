// <chat-pages>: opens a chat, or the list, without a page load. The server sends the pane alone (X-Pane). The last
// panes are kept, with scroll position and unsent text, and receive the events that they missed when they are shown
// again. If the server can't be reached, the page stays as it is ("unreachable"). As a live region it announces the new
// title. Other links are left to the browser. html[data-ready] means that all elements are defined and the chat has its
// draft and outbox.
import { aligned, enter, leave } from "navigation";
import { fetchPage, SignedOut } from "server";

const CACHE_MAX = 12; // panes
const MISSED_MAX = 60; // events; a pane that missed more is loaded again
const CHAT = /^\/chats\/(\d+)$/;
const UNREACHABLE = Symbol("unreachable");
const PREFETCH_LIFETIME = 5000; // ms for which a prefetched pane is fresh

class ChatPages extends HTMLElement {
  #cache = new Map(); // URL -> kept pane, most recently shown last
  #prefetched = new Map(); // URL -> pane being loaded or prefetched
  #path = currentPath();
  #navigation = 0;
  #readyTurn = 0;
  #isLeaving = false;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const on = (target, type, handler) => target.addEventListener(type, handler, { signal: this.#listening.signal });
    on(document, "click", (event) => this.#onClick(event));
    on(document, "pointerdown", (event) => this.#onPointerdown(event));
    on(
      document,
      "submit",
      (event) => (this.#isLeaving = event.target.matches("[action$='/logout']") && !event.defaultPrevented),
    );
    on(window, "popstate", () => currentPath() !== this.#path && this.#navigate(new URL(location), false));
    on(window, "pagehide", () => this.#isLeaving && this.#clearPage());
    on(window, "pageshow", (event) => event.persisted && this.#isLeaving && location.reload());
    for (const type of [
      "message.created",
      "message.updated",
      "message.deleted",
      "member.added",
      "member.removed",
      "member.updated",
      "read",
    ])
      on(document, type, ({ detail }) => this.#recordEvent(detail.chat_id, type, detail));
    for (const type of ["chat.updated", "chat.deleted"])
      on(document, type, ({ detail }) => this.#recordEvent(detail.id, type, detail));
    on(document, "reset", () => this.#cache.clear());
    if (document.querySelector("undo-toast")) import("undo-toast");
    on(document, "end-reached", () => this.#dropQuery());
    // By then all modules of the page have run.
    if (document.readyState === "complete") this.#markReady();
    else on(document, "DOMContentLoaded", () => this.#markReady());
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  async #markReady() {
    const turn = ++this.#readyTurn;
    delete document.documentElement.dataset.ready;
    const messageList = document.querySelector("message-list");
    const draft = document.querySelector("chat-draft") && import("chat-draft");
    await Promise.allSettled([messageList?.synced, draft, aligned()]);
    if (turn === this.#readyTurn) document.documentElement.dataset.ready = "";
  }

  // Links

  #paneUrl(event) {
    const link = isPlain(event) && event.target.closest?.("a[href]");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return null;
    const url = new URL(link.href);
    const isSame = url.pathname + url.search === currentPath();
    return isPane(url) && !(isSame && url.hash) ? url : null;
  }

  #onClick(event) {
    const picture = isPlain(event) && event.target.closest?.("a.thumb");
    if (picture) return this.#openPicture(event, picture);
    const url = this.#paneUrl(event);
    if (!url) return;
    event.preventDefault();
    if (url.pathname + url.search !== currentPath()) this.#navigate(url, true);
  }

  // Prefetch on press: the click follows some 80 ms later.
  #onPointerdown(event) {
    const url = this.#paneUrl(event);
    const path = url && url.pathname + url.search;
    if (!url || path === currentPath() || this.#cache.has(path) || this.#prefetched.has(path)) return;
    const prefetched = this.#prefetch(path);
    setTimeout(() => this.#prefetched.get(path) === prefetched && this.#prefetched.delete(path), PREFETCH_LIFETIME);
  }

  #prefetch(path) {
    const shown = { missed: [] };
    shown.ready = fill(shown, path).catch((error) => (error instanceof SignedOut ? null : UNREACHABLE));
    this.#prefetched.set(path, shown);
    return shown;
  }

  #openPicture(event, picture) {
    event.preventDefault();
    import("picture-box").then(({ show }) => show(picture)).catch(() => leave(picture.href));
  }

  // Navigation

  async #navigate(url, isNew) {
    const path = url.pathname + url.search;
    const visit = ++this.#navigation;
    this.#readyTurn += 1;
    delete document.documentElement.dataset.ready;
    let shown = this.#cache.get(path);
    if (!shown && isPane(url)) {
      markCurrent(chatOf(url));
      const prefetched = this.#prefetched.get(path) ?? this.#prefetch(path);
      shown = await prefetched.ready;
      if (this.#prefetched.get(path) === prefetched) this.#prefetched.delete(path);
      if (visit !== this.#navigation) return;
      if (shown === UNREACHABLE) return this.#onUnreachable(isNew);
    }
    if (!shown || !document.querySelector("body.shell > .pane")) return isNew ? leave(url) : location.reload();
    if (isNew) await enter(path);
    this.#cacheCurrent();
    this.#path = path;
    this.#showPane(shown, url);
  }

  #onUnreachable(isNew) {
    // Back or forward led to a page that can't be shown: keep the URL of the page that is.
    if (!isNew) history.replaceState(null, "", this.#path);
    markCurrent(chatOf(new URL(this.#path, location.origin)));
    document.dispatchEvent(new Event("unreachable"));
    this.#markReady();
  }

  // The list jumped to the end, which the query no longer describes.
  #dropQuery() {
    this.#path = location.pathname;
    history.replaceState(history.state, "", this.#path);
  }

  // Keeps the pane that is on screen.
  #cacheCurrent() {
    const pane = document.querySelector("body.shell > .pane");
    if (
      !isPane(new URL(this.#path, location.origin)) ||
      pane.querySelector("message-list > .message-column > [role=alert]")
    )
      return;
    const skip = document.querySelector(".skip");
    const messageList = pane.querySelector("message-list");
    this.#cache.set(this.#path, {
      pane,
      title: document.title.replace(/^\(\d+\) /, ""),
      kind: document.body.className,
      skip: [skip.getAttribute("href"), skip.textContent],
      top: messageList?.scrollTop,
      rolled: scrollY,
      missed: [],
    });
    if (this.#cache.size > CACHE_MAX) this.#cache.delete(this.#cache.keys().next().value);
  }

  #showPane(shown, url) {
    this.#cache.delete(this.#path);
    const chat = chatOf(url);
    document.body.className = shown.kind;
    setFrame(shown.kind.includes("is-list"));
    document.querySelector("body.shell > .pane").replaceWith(shown.pane);
    const skip = document.querySelector(".skip");
    [skip.href, skip.textContent] = shown.skip;
    const messageList = shown.pane.querySelector("message-list");
    if (messageList && shown.top !== undefined) messageList.scrollTop = shown.top;
    scrollTo(0, (chat ? 0 : shown.rolled) ?? 0);
    this.dispatchEvent(new CustomEvent("chat-opened", { detail: { chat, title: shown.title }, bubbles: true }));
    for (const [type, detail] of shown.missed) messageList?.onEvent(type, detail);
    // After the list has laid them out, which would scroll.
    if (url.hash) queueMicrotask(() => location.replace(url));
    this.#focus(shown.pane, chat);
    this.textContent = shown.title;
    this.#markReady();
  }

  // Focuses the field, or the heading on touch screens, where a keyboard would cover the page.
  #focus(pane, chat) {
    const touches = matchMedia("(hover: none) and (pointer: coarse)").matches;
    const heading = (chat ? pane : document).querySelector("h1");
    const place = (!touches && pane.querySelector("chat-composer textarea")) || heading;
    if (place === heading) heading?.setAttribute("tabindex", "-1");
    place?.focus({ preventScroll: true });
  }

  // Events for kept panes

  #recordEvent(chat, type, detail) {
    const isGone = type === "chat.deleted" || (type === "member.removed" && String(detail.user.id) === userId());
    for (const panes of [this.#cache, this.#prefetched])
      for (const [path, shown] of panes) {
        if (chatOf(new URL(path, location.origin)) !== chat) continue;
        shown.missed.push([type, detail]);
        if (type === "chat.updated" && shown.title)
          shown.title = `${detail.title} · ${shown.title.split(" · ").at(-1)}`;
        if (isGone || shown.missed.length > MISSED_MAX) panes.delete(path);
      }
  }

  // On logout nothing may remain, not even in the browser's back/forward cache.
  #clearPage() {
    this.#cache.clear();
    document.body.replaceChildren();
  }
}

// Returns the filled-in entry, or null if there is no such pane.
async function fill(shown, path) {
  const page = await fetchPage(path, { "X-Pane": "1" });
  const pane = page?.querySelector("body.shell > .pane");
  if (!pane) return null;
  const skip = page.querySelector(".skip");
  return Object.assign(shown, {
    pane: document.adoptNode(pane),
    title: page.title,
    kind: page.body.className,
    skip: [skip.getAttribute("href"), skip.textContent],
  });
}

// Without an open chat the list is <main>, otherwise a sidebar.
function setFrame(isList) {
  const old = document.querySelector(".sidebar");
  if (isList === (old.localName === "main")) return;
  const top = old.scrollTop;
  const created = document.createElement(isList ? "main" : "div");
  created.className = "sidebar";
  if (isList) created.id = "main";
  const heading = old.querySelector(".list-head > :is(h1, h2)");
  const newHeading = document.createElement(isList ? "h1" : "h2");
  newHeading.append(...heading.childNodes);
  heading.replaceWith(newHeading);
  created.append(...old.childNodes);
  old.replaceWith(created);
  created.scrollTop = top;
}

function markCurrent(chat) {
  for (const link of document.querySelectorAll("chat-list a[aria-current]")) link.removeAttribute("aria-current");
  document.querySelector(`chat-list [data-chat="${chat}"] a`)?.setAttribute("aria-current", "page");
}

function isPlain(event) {
  return (
    !event.defaultPrevented && !event.button && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
  );
}

function isPane({ pathname, search }) {
  return (
    (pathname === "/" && !search) ||
    (CHAT.test(pathname) && (!search || /^\?(newest=1|around=\d+(&line=\d+)?)$/.test(search)))
  );
}

function chatOf({ pathname }) {
  return Number(CHAT.exec(pathname)?.[1] ?? 0);
}

function currentPath() {
  return location.pathname + location.search;
}

function userId() {
  return document.querySelector("live-stream").getAttribute("user");
}

customElements.define("chat-pages", ChatPages);
