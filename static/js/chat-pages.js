// <chat-pages>: opens a chat, or the list, without a page load. The server gives the pane alone (X-Pane); the last panes
// are kept with all that stands in them, place and unsent words too, and are told what they missed when they come back.
// It says the new page's title to who listens. A picture opens over the page. Whatever is unusual is a link as any other.
import { page } from "server";

const KEPT = 12; // panes
const MISSED = 60; // events; after more of them a chat is asked for anew
const CHAT = /^\/chats\/(\d+)$/;
const AHEAD = 5000; // ms for which a pane fetched ahead is new

class ChatPages extends HTMLElement {
  #kept = new Map(); // address -> a pane with what belongs to it; who was shown last stands last
  #ahead = new Map(); // address -> one that is asked for, or was ahead of time
  #address = here();
  #visit = 0;
  #isLeaving = false;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const on = (where, type, act) => where.addEventListener(type, act, { signal: this.#listening.signal });
    on(document, "click", (event) => this.#clicked(event));
    on(document, "pointerdown", (event) => this.#pressed(event));
    on(document, "submit", (event) => (this.#isLeaving = event.target.matches("[action$='/logout']") && !event.defaultPrevented));
    on(window, "popstate", () => here() !== this.#address && this.#go(new URL(location), false));
    on(window, "pagehide", () => this.#isLeaving && this.#forgetAll());
    on(window, "pageshow", (event) => event.persisted && this.#isLeaving && location.reload());
    for (const type of ["message.created", "message.updated", "message.deleted", "member.added", "member.removed", "member.updated", "read"])
      on(document, type, ({ detail }) => this.#note(detail.chat_id, type, detail));
    for (const type of ["chat.updated", "chat.deleted"]) on(document, type, ({ detail }) => this.#note(detail.id, type, detail));
    on(document, "reset", () => this.#kept.clear());
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  // Which links

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

  // Between pressing and letting go lie some 80 ms.
  #pressed(event) {
    const url = this.#addressOf(event);
    const address = url && url.pathname + url.search;
    if (!url || address === here() || this.#kept.has(address) || this.#ahead.has(address)) return;
    const asked = this.#ask(address);
    setTimeout(() => this.#ahead.get(address) === asked && this.#ahead.delete(address), AHEAD);
  }

  #ask(address) {
    const shown = { missed: [] };
    shown.ready = fill(shown, address).catch(() => null);
    this.#ahead.set(address, shown);
    return shown;
  }

  #look(event, picture) {
    event.preventDefault();
    import("picture-box").then(({ show }) => show(picture)).catch(() => location.assign(picture.href));
  }

  // Going there

  async #go(url, isNew) {
    const address = url.pathname + url.search;
    const visit = ++this.#visit;
    let shown = this.#kept.get(address);
    if (!shown && isPane(url)) {
      mark(chatOf(url));
      const asked = this.#ahead.get(address) ?? this.#ask(address);
      shown = await asked.ready;
      if (this.#ahead.get(address) === asked) this.#ahead.delete(address);
      if (visit !== this.#visit) return;
    }
    if (!shown || !document.querySelector("body.shell > .pane")) return isNew ? location.assign(url) : location.reload();
    this.#keep();
    if (isNew) history.pushState(null, "", address);
    this.#address = address;
    this.#put(shown, url);
  }

  // What is on screen goes into memory.
  #keep() {
    const pane = document.querySelector("body.shell > .pane");
    if (!isPane(new URL(this.#address, location.origin)) || pane.querySelector("chat-log > .log-column > [role=alert]")) return;
    const skip = document.querySelector(".skip");
    const log = pane.querySelector("chat-log");
    this.#kept.set(this.#address, {
      pane,
      title: document.title.replace(/^\(\d+\) /, ""),
      kind: document.body.className,
      skip: [skip.getAttribute("href"), skip.textContent],
      top: log?.scrollTop,
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
    const log = shown.pane.querySelector("chat-log");
    if (log && shown.top !== undefined) log.scrollTop = shown.top;
    scrollTo(0, (chat ? 0 : shown.rolled) ?? 0);
    this.dispatchEvent(new CustomEvent("opened", { detail: { chat, title: shown.title }, bubbles: true }));
    for (const [type, detail] of shown.missed) log?.hears(type, detail);
    if (url.hash) location.replace(url);
    this.#focus(shown.pane, chat);
    this.textContent = shown.title;
  }

  // A keyboard goes on in the field; where one would cover the screen, at the heading.
  #focus(pane, chat) {
    const touches = matchMedia("(hover: none) and (pointer: coarse)").matches;
    const heading = (chat ? pane : document).querySelector("h1");
    const place = (!touches && pane.querySelector("chat-composer textarea")) || heading;
    if (place === heading) heading?.setAttribute("tabindex", "-1");
    place?.focus({ preventScroll: true });
  }

  // What a kept chat misses

  #note(chat, type, detail) {
    const isGone = type === "chat.deleted" || (type === "member.removed" && String(detail.user.id) === me());
    for (const panes of [this.#kept, this.#ahead])
      for (const [address, shown] of panes) {
        if (chatOf(new URL(address, location.origin)) !== chat) continue;
        shown.missed.push([type, detail]);
        if (type === "chat.updated" && shown.title) shown.title = `${detail.title} · ${shown.title.split(" · ").at(-1)}`;
        if (isGone || shown.missed.length > MISSED) panes.delete(address);
      }
  }

  // Signed out: nothing stays, also not in a page that the browser keeps for the way back.
  #forgetAll() {
    this.#kept.clear();
    document.body.replaceChildren();
  }
}

// Returns what is shown then, null when there is no such pane.
async function fill(shown, address) {
  const found = await page(address, { "X-Pane": "1" });
  const pane = found?.querySelector("body.shell > .pane");
  if (!pane) return null;
  const skip = found.querySelector(".skip");
  return Object.assign(shown, { pane: document.adoptNode(pane), title: found.title, kind: found.body.className, skip: [skip.getAttribute("href"), skip.textContent] });
}

// The list is the page's main part where no chat is open, and stands beside it else.
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
  return !event.defaultPrevented && !event.button && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

function isPane({ pathname, search }) {
  return (pathname === "/" && !search) || (CHAT.test(pathname) && (!search || /^\?around=\d+(&line=\d+)?$/.test(search)));
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
