// <chat-pages>: opens a chat, or the list, without a page load. The server sends the pane alone (X-Pane). The last
// panes are kept, with scroll position and unsent text, and receive the events that they missed when they are shown
// again. If the server can't be reached, the page stays as it is ("unreachable"). As a live region it announces the new
// title. Other links are left to the browser. html[data-ready] means that all elements are defined and the chat has its
// draft and outbox.
import { aligned, enter, leave } from "navigation";
import { fetchPage, SignedOut } from "server";

const KEPT = 12; // panes
const MISSED = 60; // events; a pane that missed more is loaded again
const CHAT = /^\/chats\/(\d+)$/;
const UNREACHABLE = Symbol("unreachable");
const AHEAD = 5000; // ms for which a prefetched pane is fresh

class ChatPages extends HTMLElement {
  #kept = new Map(); // URL -> kept pane, most recently shown last
  #ahead = new Map(); // URL -> pane being loaded or prefetched
  #address = here();
  #visit = 0;
  #settling = 0;
  #isLeaving = false;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const on = (where, type, act) => where.addEventListener(type, act, { signal: this.#listening.signal });
    on(document, "click", (event) => this.#clicked(event));
    on(document, "pointerdown", (event) => this.#pressed(event));
    on(
      document,
      "submit",
      (event) => (this.#isLeaving = event.target.matches("[action$='/logout']") && !event.defaultPrevented),
    );
    on(window, "popstate", () => here() !== this.#address && this.#go(new URL(location), false));
    on(window, "pagehide", () => this.#isLeaving && this.#forgetAll());
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
      on(document, type, ({ detail }) => this.#note(detail.chat_id, type, detail));
    for (const type of ["chat.updated", "chat.deleted"])
      on(document, type, ({ detail }) => this.#note(detail.id, type, detail));
    on(document, "reset", () => this.#kept.clear());
    if (document.querySelector("undo-toast")) import("undo-toast");
    on(document, "newest", () => this.#rename());
    // By then all modules of the page have run.
    if (document.readyState === "complete") this.#settle();
    else on(document, "DOMContentLoaded", () => this.#settle());
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  async #settle() {
    const turn = ++this.#settling;
    delete document.documentElement.dataset.ready;
    const messageList = document.querySelector("message-list");
    const draft = document.querySelector("chat-draft") && import("chat-draft");
    await Promise.allSettled([messageList?.synced, draft, aligned()]);
    if (turn === this.#settling) document.documentElement.dataset.ready = "";
  }

  // Links

  #addressOf(event) {
    const link = isPlain(event) && event.target.closest?.("a[href]");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return null;
    const url = new URL(link.href);
    const isSame = url.pathname + url.search === here();
    return isPane(url) && !(isSame && url.hash) ? url : null;
  }

  #clicked(event) {
    const picture = isPlain(event) && event.target.closest?.("a.thumb");
    if (picture) return this.#look(event, picture);
    const url = this.#addressOf(event);
    if (!url) return;
    event.preventDefault();
    if (url.pathname + url.search !== here()) this.#go(url, true);
  }

  // Prefetch on press: the click follows some 80 ms later.
  #pressed(event) {
    const url = this.#addressOf(event);
    const address = url && url.pathname + url.search;
    if (!url || address === here() || this.#kept.has(address) || this.#ahead.has(address)) return;
    const asked = this.#ask(address);
    setTimeout(() => this.#ahead.get(address) === asked && this.#ahead.delete(address), AHEAD);
  }

  #ask(address) {
    const shown = { missed: [] };
    shown.ready = fill(shown, address).catch((error) => (error instanceof SignedOut ? null : UNREACHABLE));
    this.#ahead.set(address, shown);
    return shown;
  }

  #look(event, picture) {
    event.preventDefault();
    import("picture-box").then(({ show }) => show(picture)).catch(() => leave(picture.href));
  }

  // Navigation

  async #go(url, isNew) {
    const address = url.pathname + url.search;
    const visit = ++this.#visit;
    this.#settling += 1;
    delete document.documentElement.dataset.ready;
    let shown = this.#kept.get(address);
    if (!shown && isPane(url)) {
      mark(chatOf(url));
      const asked = this.#ahead.get(address) ?? this.#ask(address);
      shown = await asked.ready;
      if (this.#ahead.get(address) === asked) this.#ahead.delete(address);
      if (visit !== this.#visit) return;
      if (shown === UNREACHABLE) return this.#stay(isNew);
    }
    if (!shown || !document.querySelector("body.shell > .pane")) return isNew ? leave(url) : location.reload();
    if (isNew) await enter(address);
    this.#keep();
    this.#address = address;
    this.#put(shown, url);
  }

  #stay(isNew) {
    // Back or forward led to a page that can't be shown: keep the URL of the page that is.
    if (!isNew) history.replaceState(null, "", this.#address);
    mark(chatOf(new URL(this.#address, location.origin)));
    document.dispatchEvent(new Event("unreachable"));
    this.#settle();
  }

  // The list jumped to the end, which the query no longer describes.
  #rename() {
    this.#address = location.pathname;
    history.replaceState(history.state, "", this.#address);
  }

  // Keeps the pane that is on screen.
  #keep() {
    const pane = document.querySelector("body.shell > .pane");
    if (
      !isPane(new URL(this.#address, location.origin)) ||
      pane.querySelector("message-list > .message-column > [role=alert]")
    )
      return;
    const skip = document.querySelector(".skip");
    const messageList = pane.querySelector("message-list");
    this.#kept.set(this.#address, {
      pane,
      title: document.title.replace(/^\(\d+\) /, ""),
      kind: document.body.className,
      skip: [skip.getAttribute("href"), skip.textContent],
      top: messageList?.scrollTop,
      rolled: scrollY,
      missed: [],
    });
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value);
  }

  #put(shown, url) {
    this.#kept.delete(this.#address);
    const chat = chatOf(url);
    document.body.className = shown.kind;
    frame(shown.kind.includes("is-list"));
    document.querySelector("body.shell > .pane").replaceWith(shown.pane);
    const skip = document.querySelector(".skip");
    [skip.href, skip.textContent] = shown.skip;
    const messageList = shown.pane.querySelector("message-list");
    if (messageList && shown.top !== undefined) messageList.scrollTop = shown.top;
    scrollTo(0, (chat ? 0 : shown.rolled) ?? 0);
    this.dispatchEvent(new CustomEvent("opened", { detail: { chat, title: shown.title }, bubbles: true }));
    for (const [type, detail] of shown.missed) messageList?.hears(type, detail);
    if (url.hash) location.replace(url);
    this.#focus(shown.pane, chat);
    this.textContent = shown.title;
    this.#settle();
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

  #note(chat, type, detail) {
    const isGone = type === "chat.deleted" || (type === "member.removed" && String(detail.user.id) === me());
    for (const panes of [this.#kept, this.#ahead])
      for (const [address, shown] of panes) {
        if (chatOf(new URL(address, location.origin)) !== chat) continue;
        shown.missed.push([type, detail]);
        if (type === "chat.updated" && shown.title)
          shown.title = `${detail.title} · ${shown.title.split(" · ").at(-1)}`;
        if (isGone || shown.missed.length > MISSED) panes.delete(address);
      }
  }

  // On logout nothing may remain, not even in the browser's back/forward cache.
  #forgetAll() {
    this.#kept.clear();
    document.body.replaceChildren();
  }
}

// Returns the filled-in entry, or null if there is no such pane.
async function fill(shown, address) {
  const found = await fetchPage(address, { "X-Pane": "1" });
  const pane = found?.querySelector("body.shell > .pane");
  if (!pane) return null;
  const skip = found.querySelector(".skip");
  return Object.assign(shown, {
    pane: document.adoptNode(pane),
    title: found.title,
    kind: found.body.className,
    skip: [skip.getAttribute("href"), skip.textContent],
  });
}

// Without an open chat the list is <main>, otherwise a sidebar.
function frame(isList) {
  const old = document.querySelector(".sidebar");
  if (isList === (old.localName === "main")) return;
  const top = old.scrollTop;
  const made = document.createElement(isList ? "main" : "div");
  made.className = "sidebar";
  if (isList) made.id = "main";
  const heading = old.querySelector(".list-head > :is(h1, h2)");
  const other = document.createElement(isList ? "h1" : "h2");
  other.append(...heading.childNodes);
  heading.replaceWith(other);
  made.append(...old.childNodes);
  old.replaceWith(made);
  made.scrollTop = top;
}

function mark(chat) {
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

function here() {
  return location.pathname + location.search;
}

function me() {
  return document.querySelector("live-stream").getAttribute("user");
}

customElements.define("chat-pages", ChatPages);
