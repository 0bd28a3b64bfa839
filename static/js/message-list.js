// <message-list chat user owner admins read line newer>: the messages of the open chat, kept up to date by events
// (MessageRows). It loads older ones, and all after events were missed; shows messages that are being sent
// (PendingMessages) and reports how far was read (ReadPosition). `read` is the last read message, `line` the message
// that the unread line follows; `owner` and `admins` are ids. With `newer` the page ends before the newest message: new
// ones are loaded when one scrolls down to them. Off the page it hears nothing; when it is put back, <chat-pages> passes
// what it missed to hears().
import { refreshHeading, showChat, showGone, showMembers } from "chat-pane";
import { idOf, MessageRows } from "message-rows";
import { outboxOf } from "outbox";
import { PendingMessages } from "pending-messages";
import { isLookedAt, ReadPosition } from "read-position";
import { RetryingTask } from "retrying-task";
import { fetchFragment } from "server";

const MESSAGE = ["message.created", "message.updated", "message.deleted"];
const MEMBER = ["member.added", "member.removed", "member.updated"];
const OWN = ["read", "membership.updated"];
const CHAT = ["chat.created", "chat.updated", "chat.deleted"];

const END = 48; // px within which the list counts as scrolled to its end
const NEAR = 500; // px from an edge at which the messages beyond it are loaded
const LINE = 48; // px above the unread line, when a chat opens at it

class MessageList extends HTMLElement {
  #chat = Number(this.getAttribute("chat"));
  #user = Number(this.getAttribute("user"));
  #column = this.querySelector(".message-column");
  #outbox = outboxOf(this.#user);
  #rows = new MessageRows(this, (author) => this.#mayDelete(author));
  #pending = new PendingMessages(this, this.#rows, this.#chat, this.#outbox);
  #position = new ReadPosition(this, this.#chat, Number(this.getAttribute("read")));
  #newest = 0; // the id of the newest message that is known to exist
  #owner = Number(this.getAttribute("owner"));
  #admins = new Set(this.getAttribute("admins").split(" ").map(Number));
  #held = null; // events that came while everything is loaded again
  #isClosed = false; // the reader is no longer in this chat
  #loadNewer = new RetryingTask(() => this.#appendNewer());
  #loadOlder = new RetryingTask(() => this.#prependOlder());
  #loadEnd = new RetryingTask(() => this.#showEnd());
  #reload = new RetryingTask(() => this.#showAgain());
  #renewRows = new RetryingTask(() => this.#renew());
  #loadHeading = new RetryingTask(() => refreshHeading(this, this.#chat));
  #edges = new IntersectionObserver((entries) => this.#reached(entries), { root: this, rootMargin: `${NEAR}px 0px` });
  #isOpened = false;
  #isScrolled = false;
  #listening = null;

  synced = null; // a promise: messages that are being sent are shown

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (target, type, act) => target.addEventListener(type, act, { signal });
    for (const type of [...MESSAGE, ...MEMBER, ...CHAT, ...OWN])
      on(document, type, ({ detail }) => this.hears(type, detail));
    on(document, "reset", () => [this.#reload, this.#loadHeading].forEach((task) => task.start()));
    on(document, "withdrawn", ({ detail }) => this.#withdraw(detail.id));
    on(document, "written", ({ detail }) => this.#written(detail));
    this.#pending.connect(signal);
    this.#position.connect(signal);
    on(this, "click", (event) => this.#clicked(event));
    // Nothing is loaded ahead before somebody scrolls: the first page stays small.
    const scrolled = () => {
      this.#isScrolled = true;
      this.#watchEdges();
    };
    this.addEventListener("scroll", scrolled, { once: true, passive: true, signal });
    if (!this.#isOpened) this.#toPlace();
    this.#isOpened = true;
    this.#position.resume();
    this.#watch();
    this.synced = this.#pending.sync();
    if (this.#held) this.#reload.start();
  }

  disconnectedCallback() {
    this.#listening.abort();
    this.#position.disconnect();
    this.#edges.disconnect();
    for (const task of [
      ...[this.#loadNewer, this.#loadOlder, this.#loadEnd, this.#reload, this.#renewRows, this.#loadHeading],
    ])
      task.stop();
  }

  // Handles an event of this chat.
  hears(type, detail) {
    if ((CHAT.includes(type) ? detail.id : detail.chat_id) !== this.#chat) return;
    if (this.#held) return this.#held.push([type, detail]);
    if (type === "message.created") this.#created(detail);
    else if (type === "message.updated") this.#change(() => this.#rows.change(detail, this.#position.id));
    else if (type === "message.deleted") this.#withdraw(detail.id);
    else if (type === "read") detail.user_id === this.#user && this.#position.advance(detail.message_id);
    else if (type === "membership.updated") "last_read_id" in detail && this.#unreadFrom(detail.last_read_id ?? 0);
    else if (type === "chat.deleted" || (type === "member.removed" && detail.user.id === this.#user)) this.#close();
    else if (type === "chat.created") this.#isClosed && location.reload();
    else if (type === "chat.updated") showChat(this, detail);
    else this.#memberChanged(type, detail);
  }

  // Whether somebody is looking at the newest message.
  get isWatched() {
    return isLookedAt() && this.isAtEnd && !this.#position.isPaused;
  }

  // Whether the newest message is on screen.
  get isAtEnd() {
    return this.isLive && this.scrollTop > -END; // column-reverse: 0 at the end, negative above
  }

  // Whether new messages are shown as they come.
  get isLive() {
    return !this.hasAttribute("newer") && !this.#isClosed;
  }

  get isClosed() {
    return this.#isClosed;
  }

  // How many messages of others were not on screen yet; by the chat's row in the list if not all of them are loaded.
  get unseen() {
    const row = document.querySelector(`chat-list [data-chat="${this.#chat}"]`);
    if (!this.isLive) return Number(row?.dataset.unread ?? 0);
    return this.#rows.all.filter((row) => this.#position.isUnseen(row)).length;
  }

  // Stops or resumes reading, as ReadPosition.pause().
  pauseReading(isPaused) {
    return this.#position.pause(isPaused);
  }

  // Scrolls to the newest message; loads it first if the page ends before it.
  toEnd() {
    if (this.isLive) this.scrollTop = 0;
    else this.#loadEnd.start();
  }

  // Scrolls to where the URL leads; the browser itself handles a fragment.
  #toPlace() {
    const { hash, search } = location;
    const [, id] = /^#message-(\d+)$/.exec(hash) ?? [];
    if (id && !search && !this.#rows.find(id)) location.replace(`?around=${id}${hash}`);
    else if (hash) return;
    const target = this.querySelector(".is-target");
    if (target) target.scrollIntoView({ block: "center" });
    else this.toLine();
  }

  // Scrolls to the unread line if that is above the screen.
  toLine() {
    const line = this.querySelector(".unread-line");
    const above = line ? this.getBoundingClientRect().top + LINE - line.getBoundingClientRect().top : 0;
    if (above > 0) this.scrollTop -= above;
  }

  // New and changed messages

  #created(message) {
    this.#newest = Math.max(this.#newest, message.id);
    if (!this.isLive || this.#rows.find(message.id)) return;
    const sent = message.author?.id === this.#user ? this.#pending.take(message) : null;
    const isUnread = message.author?.id !== this.#user && this.#wantsLine;
    this.#put(() => this.#rows.insert(message, sent, isUnread));
  }

  #withdraw(id) {
    this.#change(() => this.#rows.remove(id));
  }

  #change(change) {
    if (this.#isClosed) return;
    change();
    this.#watch();
  }

  #memberChanged(type, { user, role, ...members }) {
    const before = [this.#role, this.#mayDelete(user.id)];
    this.#admins[type !== "member.removed" && role === "admin" ? "add" : "delete"](user.id);
    if (role === "owner" && type !== "member.removed") this.#owner = user.id;
    showMembers(this, members, type === "member.removed");
    // Rows offer to delete them, or not.
    if (before.join() !== [this.#role, this.#mayDelete(user.id)].join()) this.#renewRows.start();
  }

  get #role() {
    return this.#owner === this.#user ? "owner" : this.#admins.has(this.#user) ? "admin" : "member";
  }

  // Shows the rows around the screen as they are by now.
  async #renew() {
    const { topmost } = this.#rows;
    if (!topmost || this.#isClosed) return;
    const found = await this.#fetch(`around=${idOf(topmost)}&line=${this.getAttribute("line")}`);
    if (found) this.#change(() => this.#rows.renew(found));
    else this.#close();
  }

  // As Membership.may_delete; the author's id is 0 when that account is closed.
  #mayDelete(author) {
    const [me, owner, admins] = [this.#user, this.#owner, this.#admins];
    return author === me || owner === me || (admins.has(me) && author !== owner && !admins.has(author));
  }

  #written(entry) {
    if (!this.isLive) return;
    this.#pending.add(entry);
    this.#position.resumeAndReport();
    this.#rows.drawLine(null);
    this.toEnd();
  }

  async #appendNewer() {
    const known = idOf(this.#rows.all.at(-1));
    const wasLive = this.isLive;
    if (this.#isClosed || (wasLive && known >= this.#newest)) return;
    const line = !wasLive ? `&line=${this.getAttribute("line")}` : this.#wantsLine ? `&line=${this.#position.id}` : "";
    const found = await this.#fetch(`since=${known}${line}`);
    if (!found) return this.#close();
    this.#append(found, known);
    const isMore = found.hasAttribute("data-newer");
    if (wasLive && isMore) this.#loadNewer.start();
    if (!wasLive && !isMore) this.#reachEnd();
  }

  async #prependOlder() {
    const first = this.#rows.all[0];
    if (!first || this.#isClosed) return;
    const found = await this.#fetch(`before=${idOf(first) + 1}&line=${this.getAttribute("line")}`);
    if (!found) return this.#close();
    if (first !== this.#rows.all[0]) return;
    this.#rows.prepend(found, first);
    this.#watch();
    this.#watchEdges();
  }

  async #showAgain() {
    if (this.#isClosed) return;
    this.#held ??= [];
    const held = this.hasAttribute("newer") && this.#rows.topmost;
    const place = held ? `around=${idOf(held)}&line=${this.getAttribute("line")}` : `line=${this.#position.id}`;
    const found = await this.#fetch(place);
    if (!found) return this.#close();
    if (held) this.#rows.keepPlace(() => this.#showInstead(found));
    else this.#showInstead(found);
    const missed = this.#held.splice(0);
    this.#held = null;
    for (const [type, detail] of missed) this.hears(type, detail);
    if (held && !found.hasAttribute("data-newer")) this.#reachEnd();
  }

  // Jumps from older messages to the end, without those between.
  async #showEnd() {
    const found = this.isLive || (await this.#fetch(`line=${this.getAttribute("line")}`));
    if (!found) return this.#close();
    if (found !== true) {
      this.#showInstead(found);
      this.#reachEnd();
      this.dispatchEvent(new Event("newest", { bubbles: true }));
    }
    this.toEnd();
  }

  #fetch(query) {
    return fetchFragment(`/chats/${this.#chat}/log?${query}`);
  }

  #showInstead(found) {
    this.#rows.clear();
    this.#append(found, 0);
  }

  #append(found, known) {
    this.#put(() => {
      this.#rows.append(found, known);
      this.#pending.removeArrived();
    });
    this.#watchEdges();
  }

  // Adds rows at the end, which stays on screen if it is.
  #put(put) {
    if (this.isAtEnd) {
      put();
      this.toEnd();
    } else this.#rows.keepPlace(put);
    this.#watch();
  }

  // Everything newer is loaded: from here on messages are shown as they come.
  #reachEnd() {
    this.removeAttribute("newer");
    this.#column.querySelector("#newer")?.remove();
    this.#watch();
    this.#pending.sync();
    this.#loadNewer.start(); // something may have come meanwhile
  }

  // Whether new messages get an unread line: nobody is looking, and no line stands above unread messages already.
  get #wantsLine() {
    if (this.isWatched) return false;
    const below = this.querySelector(".unread-line ~ article[id]");
    return !below || idOf(below) <= this.#position.id;
  }

  // The links to older and newer messages

  #watchEdges() {
    this.#edges.disconnect();
    if (!this.#isScrolled) return;
    for (const edge of this.#column.querySelectorAll(":scope > :is(#older, #newer)")) this.#edges.observe(edge);
  }

  #reached(entries) {
    for (const { isIntersecting, target } of entries) if (isIntersecting) this.#loadBeyond(target);
  }

  #loadBeyond(edge) {
    this.#edges.unobserve(edge);
    (edge.id === "older" ? this.#loadOlder : this.#loadNewer).start();
  }

  #clicked(event) {
    const edge = event.target.closest("#older a, #newer a")?.parentElement;
    if (!edge || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#loadBeyond(edge);
  }

  // Reading

  #watch() {
    this.#position.unwatch();
    this.dispatchEvent(new Event("arranged"));
    const rows = this.#rows.all;
    // In the midst of unread messages nothing is read: those before were not seen.
    if (!this.isLive && this.#column.querySelector(":scope > #older") && idOf(rows[0]) > this.#position.id) return;
    this.#position.watch(rows);
  }

  #unreadFrom(id) {
    this.#position.rewind(id);
    const { all } = this.#rows;
    const first = all.find((row) => idOf(row) > id && !row.matches(".is-deleted, :has([data-own])"));
    // Above the first row there may be more that are unread.
    const isKnown = first !== all[0] || !this.#column.querySelector(":scope > #older");
    this.#rows.drawLine(isKnown ? first : null);
    this.#watch();
  }

  #close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#position.unwatch();
    showGone(this, this.#chat, this.#outbox);
  }
}

customElements.define("message-list", MessageList);
