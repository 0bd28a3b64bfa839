// <chat-log chat user read line>: the open chat's messages as they come, change and go, and those of one's own that are
// on their way. Rows come from the server ready-made; this only puts them into their places. It reports how far
// was read: what was on screen in a window that somebody works in. On a page of older messages (`newer`) what is new
// waits until one has scrolled down to it. `line` is up to where all was read when the page was made.
// Taken off the page it hears nothing; put back, it is told by hears() what it missed.
import { Errand, outboxOf, piece } from "server";

const MESSAGE = ["message.created", "message.updated", "message.deleted"];
const MEMBER = ["member.added", "member.removed", "member.updated"];
const MINE = ["read", "membership.updated"];
const CHAT = ["chat.created", "chat.updated", "chat.deleted"];

const END = 48; // px within which the log counts as being at its end
const NEAR = 500; // px from an edge at which the messages beyond it are asked for
const LINE = 48; // px above the unread line, when a chat opens at it

class ChatLog extends HTMLElement {
  #chat = Number(this.getAttribute("chat"));
  #user = Number(this.getAttribute("user"));
  #read = Number(this.getAttribute("read"));
  #column = this.querySelector(".log-column");
  #outbox = outboxOf(this.#user);
  #rows = new Map(); // key -> what is on its way, in order
  #unsaved = new Set(); // keys of those that the outbox does not hold yet
  #echoes = new Map(); // key -> id: come by the stream before their own answer
  #newest = 0; // the id of the newest message that is known of
  #changed = new Set(); // ids
  #isGone = false;
  #seen = 0; // the newest message of others that was on screen
  #isHeld = false; // marked as unread: nothing more is read until the chat is opened anew, or one writes
  #telling = null; // the promise of the last word of how far was read
  #ahead = new Errand(() => this.#goOn());
  #mending = new Errand(() => this.#mend());
  #fresh = new Errand(() => this.#startAfresh());
  #reporting = new Errand(() => this.#report());
  #heading = new Errand(() => this.#renewHeading());
  #observer = new IntersectionObserver((entries) => this.#saw(entries), { root: this });
  #edges = new IntersectionObserver((entries) => this.#reached(entries), { root: this, rootMargin: `${NEAR}px 0px` });
  #older = new Errand(() => this.#goBack());
  #isOpened = false;
  #isScrolled = false;
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (where, type, act) => where.addEventListener(type, act, { signal });
    for (const type of [...MESSAGE, ...MEMBER, ...CHAT, ...MINE]) on(document, type, ({ detail }) => this.hears(type, detail));
    on(document, "reset", () => this.#fresh.start());
    on(document, "written", ({ detail }) => this.#written(detail));
    on(this.#outbox, "change", ({ detail }) => detail.chat === this.#chat && this.#sync());
    on(this.#outbox, "sent", ({ detail }) => detail.chat === this.#chat && this.#sent(detail));
    on(this.#outbox, "progress", ({ detail }) => this.#progress(detail));
    on(window, "focus", () => this.#reporting.start());
    on(window, "pagehide", () => this.#reporting.start());
    on(document, "visibilitychange", () => this.#reporting.start());
    on(this, "click", (event) => this.#pressed(event.target.closest("button[name]")));
    on(this, "click", (event) => this.#asked(event));
    // Not before somebody scrolls: the first look is as small as it can be.
    const scrolled = () => {
      this.#isScrolled = true;
      this.#watchEdges();
    };
    this.addEventListener("scroll", scrolled, { once: true, passive: true, signal });
    if (!this.#isOpened && !location.hash) this.toLine();
    this.#isOpened = true;
    this.#isHeld = false;
    this.#watch();
    this.#sync();
  }

  disconnectedCallback() {
    this.#listening.abort();
    this.#observer.disconnect();
    this.#edges.disconnect();
    for (const errand of [this.#ahead, this.#older, this.#mending, this.#fresh, this.#reporting, this.#heading]) errand.stop();
  }

  // What happens in this chat, by an event's name and detail.
  hears(type, detail) {
    if ((CHAT.includes(type) ? detail.id : detail.chat_id) !== this.#chat) return;
    if (type === "message.created") this.#created(detail);
    else if (MESSAGE.includes(type)) this.#change(detail.id);
    else if (type === "read") detail.user_id === this.#user && this.#readTo(detail.message_id);
    else if (type === "membership.updated") "unread" in detail && this.#unreadFrom(detail.last_read_id ?? 0);
    else if (type === "chat.deleted" || (type === "member.removed" && detail.user.id === this.#user)) this.#goneFrom();
    else if (type === "chat.created") this.#isGone && location.reload();
    else this.#heading.start();
  }

  // Whether somebody is looking at the newest message.
  get isWatched() {
    return isLookedAt() && this.isAtEnd && !this.#isHeld;
  }

  // Whether the newest message is on screen.
  get isAtEnd() {
    return this.#isLive && this.scrollTop > -END; // it counts from 0 downwards
  }

  get #isLive() {
    return !this.hasAttribute("newer") && !this.#isGone;
  }

  // How many messages of others were not on screen yet.
  get unseen() {
    return this.#articles().filter((row) => this.#isUnseen(row)).length;
  }

  #isUnseen(row) {
    return idOf(row) > Math.max(this.#read, this.#seen) && !row.querySelector("[data-own]") && !row.matches(".is-deleted");
  }

  // To the newest message.
  toEnd() {
    this.scrollTop = 0;
  }

  // To where reading stopped, if that is above the screen.
  toLine() {
    const line = this.querySelector(".unread-line");
    const above = line ? this.getBoundingClientRect().top + LINE - line.getBoundingClientRect().top : 0;
    if (above > 0) this.scrollTop -= above;
  }

  // What happens to messages

  #created(message) {
    if (message.author?.id === this.#user) {
      const row = [...this.#rows.values()].find((one) => !one.dataset.message && one.dataset.text === message.text.trim() && Number(one.dataset.files) === message.files.length);
      if (row) {
        row.dataset.message = message.id;
        this.#echoes.set(row.dataset.key, message.id);
      }
    }
    this.#expect(message.id);
  }

  #expect(id) {
    this.#newest = Math.max(this.#newest, id);
    if (this.#isLive) this.#ahead.start();
  }

  #change(id) {
    const quoting = this.querySelectorAll(`.quote[href$="#message-${id}"]`);
    for (const one of [this.#article(id), ...[...quoting].map((quote) => quote.closest("article"))]) if (one) this.#changed.add(idOf(one));
    if (this.#changed.size) this.#mending.start();
  }

  async #goOn() {
    const known = idOf(this.#articles().at(-1));
    const wasLive = this.#isLive;
    if (this.#isGone || (wasLive && known >= this.#newest)) return;
    const line = !wasLive ? `&line=${this.getAttribute("line")}` : this.#wantsLine ? `&line=${this.#read}` : "";
    const found = await piece(`/chats/${this.#chat}/log?since=${known}${line}`);
    if (!found) return this.#goneFrom();
    this.#append(found, known);
    const isMore = found.hasAttribute("data-newer");
    if (wasLive && isMore) this.#ahead.start();
    if (!wasLive && !isMore) this.#reachEnd();
  }

  // All that was newer stands there now: from here on it is a page as any other.
  #reachEnd() {
    this.removeAttribute("newer");
    this.#column.querySelector("#newer")?.remove();
    this.#watch();
    this.#sync();
  }

  // What is before the first message. It is asked for once more, since it may go on from the one before it.
  async #goBack() {
    const first = this.#articles()[0];
    if (!first || this.#isGone) return;
    const found = await piece(`/chats/${this.#chat}/log?before=${idOf(first) + 1}&line=${this.getAttribute("line")}`);
    if (!found) return this.#goneFrom();
    if (first !== this.#articles()[0]) return;
    const isOlder = found.querySelector("#older");
    const focused = this.#column.querySelector("#older")?.contains(document.activeElement);
    for (const row of this.#column.querySelectorAll(":scope > #older, :scope > .day:first-child, :scope > #older + .day")) row.remove();
    if (found.querySelector(".unread-line")) this.#column.querySelector(":scope > .unread-line")?.remove();
    const rows = [...found.children].filter((row) => row.matches("#older") || !idOf(row) || idOf(row) <= idOf(first));
    this.#keepPlace(() => {
      this.#replace(rows.pop());
      for (const row of rows) this.#settle(row);
      this.#column.prepend(...rows);
    });
    if (focused) (isOlder?.querySelector("a") ?? this).focus({ preventScroll: true });
    this.#watch();
    this.#watchEdges();
  }

  #watchEdges() {
    this.#edges.disconnect();
    if (!this.#isScrolled) return;
    for (const edge of this.#column.querySelectorAll(":scope > :is(#older, #newer)")) this.#edges.observe(edge);
  }

  #reached(entries) {
    for (const { isIntersecting, target } of entries) if (isIntersecting) this.#reach(target);
  }

  #reach(edge) {
    this.#edges.unobserve(edge);
    (edge.id === "older" ? this.#older : this.#ahead).start();
  }

  // The links to older and newer messages bring them here.
  #asked(event) {
    const edge = event.target.closest("#older a, #newer a")?.parentElement;
    if (!edge || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#reach(edge);
  }

  // What is on screen stays where it is, whatever changes above and below it.
  #keepPlace(change) {
    const top = this.getBoundingClientRect().top;
    const held = this.#articles().find((row) => row.getBoundingClientRect().bottom > top);
    const before = held?.getBoundingClientRect().top;
    this.style.overflowAnchor = "none"; // else the browser does the same once more
    change();
    const now = held && this.#article(idOf(held))?.getBoundingClientRect().top;
    if (now !== undefined && now !== before) this.scrollTop += now - before;
    requestAnimationFrame(() => (this.style.overflowAnchor = ""));
  }

  // The line is drawn where nobody was looking, unless one stands above messages unread still.
  get #wantsLine() {
    if (this.isWatched) return false;
    const below = this.querySelector(".unread-line ~ article[id]");
    return !below || idOf(below) <= this.#read;
  }

  #append(found, known) {
    const isAtEnd = this.isAtEnd;
    const rows = [...found.children];
    const news = rows.slice(rows.findIndex((row) => idOf(row) === known) + 1).filter((row) => !idOf(row) || !this.#article(idOf(row)));
    if (news.length) this.#column.querySelector(":scope > .empty")?.remove();
    const put = () => {
      if (news.some((row) => row.matches(".unread-line"))) this.querySelector(".unread-line")?.remove();
      for (const row of news) {
        this.#settle(row);
        this.#place.before(row);
      }
      this.#dropArrived();
    };
    if (isAtEnd) {
      put();
      this.toEnd();
    } else this.#keepPlace(put);
    this.#watch();
    this.#watchEdges();
  }

  // Where the next message stands: before those on their way.
  get #place() {
    return this.#column.querySelector(":scope > :is([data-key], #newer, #newest)");
  }

  async #mend() {
    for (const id of this.#changed) {
      this.#changed.delete(id);
      let found;
      try {
        found = await piece(`/chats/${this.#chat}/log?beside=${id}`);
      } catch (error) {
        this.#changed.add(id);
        throw error;
      }
      if (!found) return this.#goneFrom();
      const rows = [...found.querySelectorAll("article")];
      // The one before has nothing before it to go on from; the one after may not go on from this one any more.
      for (const row of rows.slice(rows.findIndex((one) => idOf(one) === id))) this.#replace(row);
    }
    this.#watch();
  }

  #replace(row) {
    const old = this.#article(idOf(row));
    if (!old) return;
    const isOpen = old.querySelector(".message-actions:popover-open");
    this.#settle(row);
    const editor = old.querySelector("message-editor");
    const isWriting = editor?.contains(document.activeElement);
    const focused = !isWriting && old.contains(document.activeElement) && nameOf(document.activeElement);
    old.replaceWith(row);
    editor?.standIn(row, isWriting);
    if (isOpen) row.querySelector(".message-actions")?.showPopover();
    if (focused) ([...row.querySelectorAll("a, button")].find((one) => nameOf(one) === focused) ?? this).focus();
  }

  // A quotation of a message on this page leads to it without leaving.
  #settle(row) {
    const quote = row.querySelector?.(".quote");
    if (quote?.hash && this.querySelector(quote.hash)) quote.setAttribute("href", quote.hash);
  }

  async #startAfresh() {
    if (this.#isGone) return;
    const newer = this.hasAttribute("newer");
    const found = await piece(`/chats/${this.#chat}/log${newer ? location.search : `?line=${this.#read}`}`);
    if (!found) return this.#goneFrom();
    for (const row of this.#column.querySelectorAll(":scope > :is(article[id], .day, .unread-line, #older)")) row.remove();
    this.#append(found, 0);
    if (newer && !found.hasAttribute("data-newer")) this.#reachEnd();
  }

  #article(id) {
    return this.#column.querySelector(`:scope > #message-${id}`);
  }

  #articles() {
    return [...this.#column.querySelectorAll(":scope > article[id]")];
  }

  // How far was read

  #watch() {
    this.#observer.disconnect();
    this.dispatchEvent(new Event("arranged"));
    const rows = this.#articles();
    // Somewhere amid what is unread nothing is read: before it are some that nobody has seen.
    if (!this.#isLive && this.#column.querySelector(":scope > #older") && idOf(rows[0]) > this.#read) return;
    for (const row of rows) if (this.#isUnseen(row)) this.#observer.observe(row);
  }

  #saw(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      this.#observer.unobserve(target);
      this.#seen = Math.max(this.#seen, idOf(target));
    }
    this.dispatchEvent(new Event("arranged"));
    this.#reporting.start();
  }

  // A page that is left right after it was read says so still (keepalive).
  async #report() {
    const id = this.#seen;
    if (!isLookedAt() || id <= this.#read || this.#isGone || this.#isHeld) return;
    const body = new URLSearchParams({ message_id: id, csrf_token: document.querySelector("meta[name=csrf-token]").content });
    this.#telling = fetch(`/chats/${this.#chat}/read`, { method: "POST", body, keepalive: true, redirect: "manual" });
    const answer = await this.#telling;
    if (answer.status >= 500 || answer.status === 429) throw new Error(`read: ${answer.status}`);
    this.#read = Math.max(this.#read, id);
  }

  #readTo(id) {
    if (id > this.#read) this.#isHeld = false;
    this.#read = Math.max(this.#read, id);
  }

  // Reads nothing more, or goes on; done when the last word of it has arrived, so that it overtakes nothing said next.
  async holds(isHeld) {
    this.#isHeld = isHeld;
    await this.#telling?.catch(() => {});
  }

  // Somebody, here or on another device, marked messages as unread again.
  async #unreadFrom(id) {
    this.#isHeld = true;
    this.#read = id;
    this.#watch();
    this.querySelector(".unread-line")?.remove();
    const first = this.#articles().find((row) => idOf(row) > id && !row.matches(".is-deleted, :has([data-own])"));
    const found = first && (await piece(`/chats/${this.#chat}/log?beside=${idOf(first)}&line=${id}`).catch(() => null));
    const line = found?.querySelector(".unread-line");
    if (!line || this.#read !== id) return;
    this.#replace(found.querySelector(`#${first.id}`));
    this.#article(idOf(first)).before(line);
  }

  // One's own, on their way

  #written(entry) {
    if (!this.#isLive) return;
    this.#unsaved.add(entry.key);
    this.#stand(entry);
    this.#isHeld = false;
    this.#reporting.start();
    this.querySelector(".unread-line")?.remove();
    this.toEnd();
  }

  #stand(entry) {
    const row = this.querySelector("template.sending").content.cloneNode(true).firstElementChild;
    const before = this.#place.id === "newest" ? this.#articles().at(-1) : [...this.#rows.values()].at(-1);
    const goesOn = before && (before.dataset.key || before.querySelector("[data-own]"));
    row.classList.toggle("is-continued", Boolean(goesOn));
    const [face, head, time] = row.children;
    if (goesOn) {
      face.remove();
      head.replaceWith(...head.children);
      row.querySelector(".message-author").classList.add("visually-hidden");
    } else head.append(" ", time);
    time.dateTime = new Date(entry.written).toISOString();
    time.append(new Date(entry.written).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }));
    row.querySelector(".prose > p").append(...lines([entry.text, ...entry.files.map((file) => `📎 ${file.name}`)]));
    Object.assign(row.dataset, { key: entry.key, text: entry.text.trim(), files: entry.files.length });
    this.#rows.set(entry.key, row);
    this.#column.querySelector(":scope > .empty")?.remove();
    this.#column.querySelector("#newest").before(row);
    this.#mark(row, entry);
  }

  #mark(row, { failed }) {
    const [sending, notSent] = row.querySelectorAll(".message-state");
    row.classList.toggle("is-sending", !failed);
    row.classList.toggle("is-failed", Boolean(failed));
    sending.hidden = Boolean(failed);
    sending.querySelector("progress").hidden = true;
    sending.querySelector("button").hidden = !Number(row.dataset.files);
    notSent.hidden = !failed;
    const words = notSent.querySelector("span");
    words.dataset.words ??= words.textContent;
    words.textContent = failed ? `${words.dataset.words} ${failed}` : "";
  }

  #progress({ key, sent, total }) {
    const [bar, cancel] = this.#rows.get(key)?.querySelectorAll("progress, [name=cancel]") ?? [];
    if (!bar) return;
    Object.assign(bar, { max: total, value: sent, hidden: false });
    // The server has it all: too late to cut it off.
    cancel.hidden = sent === total;
  }

  async #sync() {
    if (!this.#isLive) return;
    const entries = await this.#outbox.of(this.#chat);
    const kept = new Set(entries.map(({ key }) => key));
    for (const entry of entries) {
      this.#unsaved.delete(entry.key);
      if (this.#echoes.has(entry.key)) continue;
      if (this.#rows.has(entry.key)) this.#mark(this.#rows.get(entry.key), entry);
      else this.#stand(entry);
    }
    for (const [key, row] of this.#rows) if (!kept.has(key) && !this.#unsaved.has(key) && !row.dataset.message) this.#drop(key);
  }

  #sent({ key, message }) {
    this.#unsaved.delete(key);
    this.#echoes.delete(key);
    const row = this.#rows.get(key);
    if (row && message) row.dataset.message = message;
    else this.#drop(key);
    this.#dropArrived();
    if (message) this.#expect(message);
  }

  #dropArrived() {
    for (const [key, row] of this.#rows) if (row.dataset.message && this.#article(row.dataset.message)) this.#drop(key);
  }

  #drop(key) {
    this.#rows.get(key)?.remove();
    this.#rows.delete(key);
  }

  async #pressed(button) {
    const row = button?.closest("[data-key]");
    if (!row) return;
    const entry = (await this.#outbox.of(this.#chat)).find(({ key }) => key === row.dataset.key);
    const verb = { retry: "retry", discard: "discard", cancel: "takeBack", change: "takeBack" }[button.name];
    if (entry) await this.#outbox[verb](entry);
    if (entry && verb === "takeBack") document.dispatchEvent(new CustomEvent("returned", { detail: entry }));
    document.querySelector("chat-composer textarea")?.focus();
  }

  // The chat

  async #renewHeading() {
    const found = await piece(`/chats/${this.#chat}/heading`);
    if (found) this.closest(".pane").querySelector(".pane-title > div:has(h1)").replaceWith(found);
  }

  #goneFrom() {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#observer.disconnect();
    const composer = this.parentElement.querySelector("chat-composer");
    const hadFocus = composer?.contains(document.activeElement) || this.contains(document.activeElement);
    composer?.remove();
    this.parentElement.querySelector("log-jumps")?.remove();
    const news = this.querySelector("template.gone").content.cloneNode(true);
    this.#column.replaceChildren(news);
    if (hadFocus) this.#column.querySelector("a").focus();
  }
}

function isLookedAt() {
  return document.visibilityState === "visible" && document.hasFocus();
}

function idOf(row) {
  return Number(/^message-(\d+)$/.exec(row?.id ?? "")?.[1] ?? 0);
}

function nameOf(control) {
  return control.getAttribute("href") ?? control.value;
}

function lines(parts) {
  return parts.filter(Boolean).join("\n").trim().split("\n").flatMap((line, at) => (at ? [document.createElement("br"), line] : [line]));
}

customElements.define("chat-log", ChatLog);
