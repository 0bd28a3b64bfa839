// <message-list chat user owner admins read line newer>: the messages of the open chat, kept up to date by events
// (MessageRows). It loads older ones, and all after events were missed; shows messages that are being sent
// (PendingMessages) and reports how far was read (ReadPosition). `read` is the last read message, `line` the message
// that the unread line follows; `owner` and `admins` are ids. With `newer` the page ends before the newest message: new
// ones are loaded on scrolling down to them. Off the page it gets no events; when it is put back, <chat-pages> passes
// those that it missed to onEvent().
import { refreshHeading, showChat, showGone, showMembers } from "chat-pane";
import { idOf, MessageRows } from "message-rows";
import { outboxOf } from "outbox";
import { PageEdges } from "page-edges";
import { PendingMessages } from "pending-messages";
import { isPageActive, ReadPosition } from "read-position";
import { RetryingTask } from "retrying-task";
import { fetchFragment } from "server";

const MESSAGE = ["message.created", "message.updated", "message.deleted"];
const MEMBER = ["member.added", "member.removed", "member.updated"];
const OWN = ["read", "membership.updated"];
const CHAT = ["chat.created", "chat.updated", "chat.deleted"];

const END = 48; // px within which the list counts as scrolled to its end
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
  #queuedEvents = null; // events that came while everything is loaded again
  #isClosed = false; // the reader is no longer in this chat
  #loadNewer = new RetryingTask(() => this.#appendNewer());
  #loadOlder = new RetryingTask(() => this.#prependOlder());
  #loadEnd = new RetryingTask(() => this.#showEnd());
  #reload = new RetryingTask(() => this.#reloadRows());
  #refresh = new RetryingTask(() => this.#refreshRows());
  #loadHeading = new RetryingTask(() => refreshHeading(this, this.#chat));
  #edges = new PageEdges(this, { older: this.#loadOlder, newer: this.#loadNewer });
  #batch = null; // {isAtEnd, release}: new messages that came together are being added
  #isOpened = false;
  #listening = null;

  synced = null; // a promise: messages that are being sent are shown

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const on = (target, type, handler) => target.addEventListener(type, handler, { signal });
    for (const type of [...MESSAGE, ...MEMBER, ...CHAT, ...OWN])
      on(document, type, ({ detail }) => this.onEvent(type, detail));
    on(document, "reset", () => [this.#reload, this.#loadHeading].forEach((task) => task.start()));
    on(document, "message-removed", ({ detail }) => this.#removeMessage(detail.id));
    on(document, "message-queued", ({ detail }) => this.#onWritten(detail));
    this.#pending.connect(signal);
    this.#position.connect(signal);
    this.#edges.connect(signal);
    if (!this.#isOpened) this.#scrollToTarget();
    this.#isOpened = true;
    this.#position.resume();
    this.#watch();
    this.synced = this.#pending.sync();
    if (this.#queuedEvents) this.#reload.start();
  }

  disconnectedCallback() {
    this.#listening.abort();
    this.#position.disconnect();
    this.#edges.disconnect();
    const tasks = [this.#loadNewer, this.#loadOlder, this.#loadEnd, this.#reload, this.#refresh, this.#loadHeading];
    for (const task of tasks) task.stop();
  }

  // Handles an event of this chat.
  onEvent(type, detail) {
    if ((CHAT.includes(type) ? detail.id : detail.chat_id) !== this.#chat) return;
    if (this.#queuedEvents) return this.#queuedEvents.push([type, detail]);
    if (type === "message.created") this.#onCreated(detail);
    else if (type === "message.updated") this.#applyChange(() => this.#rows.change(detail, this.#position.id));
    else if (type === "message.deleted") this.#removeMessage(detail.id);
    else if (type === "read") detail.user_id === this.#user && this.#position.advance(detail.message_id);
    else if (type === "membership.updated") "last_read_id" in detail && this.#onMarkedUnread(detail.last_read_id ?? 0);
    else if (type === "chat.deleted" || (type === "member.removed" && detail.user.id === this.#user)) this.#onGone();
    else if (type === "chat.created") this.#isClosed && location.reload();
    else if (type === "chat.updated") showChat(this, detail);
    else this.#memberChanged(type, detail);
  }

  // Whether somebody is looking at the newest message.
  get isWatched() {
    return isPageActive() && this.isAtEnd && !this.#position.isPaused;
  }

  // Whether the newest message is on screen.
  get isAtEnd() {
    if (!this.isLive) return false;
    return this.#batch?.isAtEnd ?? this.scrollTop > -END; // column-reverse: 0 at the end, negative above
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
    const listRow = document.querySelector(`chat-list [data-chat="${this.#chat}"]`);
    if (!this.isLive) return Number(listRow?.dataset.unread ?? 0);
    return this.#rows.all.filter((row) => this.#position.isUnseen(row)).length;
  }

  // Stops or resumes reading, as ReadPosition.pause().
  pauseReading(isPaused) {
    return this.#position.pause(isPaused);
  }

  // Scrolls to the newest message; loads it first if the page ends before it.
  scrollToEnd() {
    if (this.isLive) this.scrollTop = 0;
    else this.#loadEnd.start();
  }

  // Scrolls to where the URL leads; the browser itself handles a fragment.
  #scrollToTarget() {
    const { hash, search } = location;
    const [, id] = /^#message-(\d+)$/.exec(hash) ?? [];
    if (id && !search && !this.#rows.find(id)) location.replace(`?around=${id}${hash}`);
    else if (hash) return;
    const target = this.querySelector(".is-target");
    if (target) target.scrollIntoView({ block: "center" });
    else this.scrollToUnread();
  }

  // Scrolls to the unread line if that is above the screen.
  scrollToUnread() {
    const line = this.querySelector(".unread-line");
    const above = line ? this.getBoundingClientRect().top + LINE - line.getBoundingClientRect().top : 0;
    if (above > 0) this.scrollTop -= above;
  }

  // New and changed messages

  #onCreated(message) {
    this.#newest = Math.max(this.#newest, message.id);
    if (!this.isLive || this.#rows.find(message.id)) return;
    const sent = message.author?.id === this.#user ? this.#pending.claim(message) : null;
    const isUnread = message.author?.id !== this.#user && this.#needsUnreadLine;
    this.#beginBatch();
    this.#rows.insert(message, sent, isUnread);
  }

  // Messages that come together, as after a pause, are laid out once, after the last one.
  #beginBatch() {
    if (this.#batch) return;
    this.#batch = { isAtEnd: this.isAtEnd, release: this.#holdPlace() };
    queueMicrotask(() => {
      const { release } = this.#batch;
      this.#batch = null;
      if (this.#isClosed) return;
      release();
      this.#watch();
    });
  }

  #removeMessage(id) {
    this.#applyChange(() => this.#rows.remove(id));
  }

  #applyChange(change) {
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
    if (before.join() !== [this.#role, this.#mayDelete(user.id)].join()) this.#refresh.start();
  }

  get #role() {
    return this.#owner === this.#user ? "owner" : this.#admins.has(this.#user) ? "admin" : "member";
  }

  // Shows the rows around the screen as they are by now.
  async #refreshRows() {
    const { topmost } = this.#rows;
    if (!topmost || this.#isClosed) return;
    const fragment = await this.#fetch(`around=${idOf(topmost)}${this.#lineQuery}`);
    if (fragment) this.#applyChange(() => this.#rows.refresh(fragment));
    else this.#onGone();
  }

  // As Membership.may_delete; the author's id is 0 when that account is closed.
  #mayDelete(author) {
    const [me, owner, admins] = [this.#user, this.#owner, this.#admins];
    return author === me || owner === me || (admins.has(me) && author !== owner && !admins.has(author));
  }

  #onWritten(entry) {
    if (!this.isLive) return;
    this.#pending.add(entry);
    this.#position.resumeAndReport();
    this.#rows.drawLine(null);
    this.scrollToEnd();
  }

  async #appendNewer() {
    const known = idOf(this.#rows.all.at(-1));
    const wasLive = this.isLive;
    if (this.#isClosed || (wasLive && known >= this.#newest)) return;
    const line = !wasLive ? this.#lineQuery : this.#needsUnreadLine ? `&line=${this.#position.id}` : "";
    const fragment = await this.#fetch(`since=${known}${line}`);
    if (!fragment) return this.#onGone();
    this.#append(fragment, known);
    const isMore = fragment.hasAttribute("data-newer");
    if (wasLive && isMore) this.#loadNewer.start();
    if (!wasLive && !isMore) this.#reachEnd();
  }

  async #prependOlder() {
    const first = this.#rows.all[0];
    if (!first || this.#isClosed) return;
    const fragment = await this.#fetch(`before=${idOf(first) + 1}${this.#lineQuery}`);
    if (!fragment) return this.#onGone();
    if (first !== this.#rows.all[0]) return;
    this.#rows.prepend(fragment, first);
    this.#watch();
    this.#edges.watch();
  }

  async #reloadRows() {
    if (this.#isClosed) return;
    this.#queuedEvents ??= [];
    const topmost = this.hasAttribute("newer") && this.#rows.topmost;
    const query = topmost ? `around=${idOf(topmost)}${this.#lineQuery}` : `line=${this.#position.id}`;
    const fragment = await this.#fetch(query);
    if (!fragment) return this.#onGone();
    if (topmost) this.#rows.keepPlace(() => this.#showInstead(fragment));
    else this.#showInstead(fragment);
    const events = this.#queuedEvents.splice(0);
    this.#queuedEvents = null;
    for (const [type, detail] of events) this.onEvent(type, detail);
    if (topmost && !fragment.hasAttribute("data-newer")) this.#reachEnd();
  }

  // Jumps from older messages to the end, without those between.
  async #showEnd() {
    const fragment = this.isLive || (await this.#fetch(`line=${this.getAttribute("line")}`));
    if (!fragment) return this.#onGone();
    if (fragment !== true) {
      this.#showInstead(fragment);
      this.#reachEnd();
      this.dispatchEvent(new Event("end-reached", { bubbles: true }));
    }
    this.scrollToEnd();
  }

  get #lineQuery() {
    return `&line=${this.getAttribute("line")}`;
  }

  #fetch(query) {
    return fetchFragment(`/chats/${this.#chat}/log?${query}`);
  }

  #showInstead(fragment) {
    this.#rows.clear();
    this.#append(fragment, 0);
  }

  #append(fragment, known) {
    this.#addRows(() => {
      this.#rows.append(fragment, known);
      this.#pending.removeArrived();
    });
    this.#edges.watch();
  }

  // Adds rows at the end, which stays on screen if it is.
  #addRows(add) {
    const release = this.#holdPlace();
    add();
    release();
    this.#watch();
  }

  // The function that is returned scrolls to the end again, or to what is on screen now.
  #holdPlace() {
    return this.isAtEnd ? () => this.scrollToEnd() : this.#rows.holdPlace();
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
  get #needsUnreadLine() {
    if (this.isWatched) return false;
    const below = this.querySelector(".unread-line ~ article[id]");
    return !below || idOf(below) <= this.#position.id;
  }

  // Reading

  #watch() {
    this.#position.unwatch();
    this.dispatchEvent(new Event("rows-changed"));
    const rows = this.#rows.all;
    // In the midst of unread messages nothing is read: those before were not seen.
    if (!this.isLive && this.#column.querySelector(":scope > #older") && idOf(rows[0]) > this.#position.id) return;
    this.#position.watch(rows);
  }

  #onMarkedUnread(id) {
    this.#position.rewind(id);
    const { all } = this.#rows;
    const first = all.find((row) => idOf(row) > id && !row.matches(".is-deleted, :has([data-own])"));
    // Above the first row there may be more that are unread.
    const isKnown = first !== all[0] || !this.#column.querySelector(":scope > #older");
    this.#rows.drawLine(isKnown ? first : null);
    this.#watch();
  }

  #onGone() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#position.unwatch();
    showGone(this, this.#chat, this.#outbox);
  }
}

customElements.define("message-list", MessageList);
