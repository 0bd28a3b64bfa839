// <chat-log chat user read>: the open chat's messages as they come, change and go, and those of one's own that are
// on their way. Rows come from the server ready-made; this only puts them into their places. It reports how far
// was read: what was on screen in a window that somebody works in. On a page of older messages (`newer`) it only mends.
import { api, Errand, outboxOf, piece } from "server";

const END = 48; // px within which the log counts as being at its end

class ChatLog extends HTMLElement {
  #chat = Number(this.getAttribute("chat"));
  #user = Number(this.getAttribute("user"));
  #read = Number(this.getAttribute("read"));
  #column = this.querySelector(".log-column");
  #jump = document.querySelector(".jump");
  #outbox = outboxOf(this.#user);
  #rows = new Map(); // key -> what is on its way, in order
  #unsaved = new Set(); // keys of those that the outbox does not hold yet
  #echoes = new Map(); // key -> id: come by the stream before their own answer
  #newest = 0; // the id of the newest message that is known of
  #changed = new Set(); // ids
  #isGone = false;
  #isHeld = false; // marked as unread: nothing more is read until the chat is opened anew, or one writes
  #telling = null; // the promise of the last word of how far was read
  #seen = null; // the newest message of others, once it was on screen
  #ahead = new Errand(() => this.#goOn());
  #mending = new Errand(() => this.#mend());
  #fresh = new Errand(() => this.#startAfresh());
  #reporting = new Errand(() => this.#report());
  #observer = new IntersectionObserver((entries) => this.#saw(entries.at(-1)), { root: this });

  connectedCallback() {
    const on = (type, act) => document.addEventListener(type, ({ detail }) => detail.chat_id === this.#chat && act(detail));
    on("message.created", (message) => this.#created(message));
    for (const type of ["message.updated", "message.deleted"]) on(type, (message) => this.#change(message.id));
    on("member.removed", (member) => member.user.id === this.#user && this.#goneFrom());
    on("read", (read) => read.user_id === this.#user && this.#readTo(read.message_id));
    on("membership.updated", (mine) => "unread" in mine && this.#goBack(mine.last_read_id ?? 0));
    document.addEventListener("chat.deleted", ({ detail }) => detail.id === this.#chat && this.#goneFrom());
    document.addEventListener("chat.created", ({ detail }) => detail.id === this.#chat && this.#isGone && location.reload());
    document.addEventListener("chat.updated", ({ detail }) => detail.id === this.#chat && this.#rename(detail.title));
    document.addEventListener("reset", () => this.#fresh.start());
    document.addEventListener("written", ({ detail }) => this.#written(detail));
    this.#outbox.addEventListener("change", ({ detail }) => detail.chat === this.#chat && this.#sync());
    this.#outbox.addEventListener("sent", ({ detail }) => detail.chat === this.#chat && this.#sent(detail));
    addEventListener("focus", () => this.#reporting.start());
    document.addEventListener("visibilitychange", () => this.#reporting.start());
    this.addEventListener("click", (event) => this.#pressed(event.target.closest("button[name]")));
    this.addEventListener("click", (event) => this.#acts(event));
    this.addEventListener("scroll", () => this.#isAtEnd && this.#isLive && this.#jump && (this.#jump.hidden = true), { passive: true });
    if (this.#isLive) this.#jump?.addEventListener("click", (event) => this.#toEnd(event));
    this.#watch();
    this.#sync();
  }

  // Whether somebody is looking at the newest message.
  get isWatched() {
    return isLookedAt() && this.#isLive && this.#isAtEnd && !this.#isHeld;
  }

  get #isLive() {
    return !this.hasAttribute("newer") && !this.#isGone;
  }

  get #isAtEnd() {
    return this.scrollTop > -END; // it counts from 0 downwards
  }

  #toEnd(event) {
    event?.preventDefault();
    this.scrollTop = 0;
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
    for (const one of [article(id), ...[...quoting].map((quote) => quote.closest("article"))]) if (one) this.#changed.add(idOf(one));
    if (this.#changed.size) this.#mending.start();
  }

  async #goOn() {
    const known = idOf(this.#articles().at(-1));
    if (!this.#isLive || known >= this.#newest) return;
    const line = this.#wantsLine ? "&line=1" : "";
    const found = await piece(`/chats/${this.#chat}/log?since=${known}${line}`);
    if (!found) return this.#goneFrom();
    this.#append(found, known);
    if (found.hasAttribute("data-newer")) this.#ahead.start();
  }

  // The line is drawn where nobody was looking, unless one stands above messages unread still.
  get #wantsLine() {
    if (this.isWatched) return false;
    const below = this.querySelector(".unread-line ~ article[id]");
    return !below || idOf(below) <= this.#read;
  }

  #append(found, known) {
    const isAtEnd = this.#isAtEnd;
    const rows = [...found.children];
    const news = rows.slice(rows.findIndex((row) => idOf(row) === known) + 1).filter((row) => !idOf(row) || !article(idOf(row)));
    if (news.some((row) => row.matches(".unread-line"))) this.querySelector(".unread-line")?.remove();
    if (news.length) this.#column.querySelector(":scope > .empty")?.remove();
    for (const row of news) {
      this.#settle(row);
      this.#place.before(row);
    }
    this.#dropArrived();
    if (isAtEnd) this.scrollTop = 0;
    else if (this.#jump && news.length) this.#jump.hidden = false;
    this.#watch();
  }

  // Where the next message stands: before those on their way.
  get #place() {
    return this.#column.querySelector(":scope > article[data-key]") ?? this.#column.querySelector("#newest");
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
    const old = article(idOf(row));
    if (!old) return;
    const focused = old.contains(document.activeElement) && nameOf(document.activeElement);
    const isOpen = old.querySelector(".message-actions:popover-open");
    this.#settle(row);
    old.replaceWith(row);
    if (isOpen) row.querySelector(".message-actions")?.showPopover();
    if (focused) ([...row.querySelectorAll("a, button")].find((one) => nameOf(one) === focused) ?? this).focus();
  }

  // A quotation of a message on this page leads to it without leaving.
  #settle(row) {
    const quote = row.querySelector?.(".quote");
    if (quote?.hash && document.querySelector(quote.hash)) quote.setAttribute("href", quote.hash);
  }

  async #startAfresh() {
    if (this.#isGone) return;
    const newer = this.hasAttribute("newer");
    const found = await piece(`/chats/${this.#chat}/log${newer ? location.search : "?line=1"}`);
    if (!found) return this.#goneFrom();
    for (const row of this.#column.querySelectorAll(":scope > :is(article[id], .day, .unread-line, #older)")) row.remove();
    this.#append(found, 0);
  }

  #articles() {
    return [...this.#column.querySelectorAll(":scope > article[id]")];
  }

  // How far was read

  #watch() {
    this.#observer.disconnect();
    this.#seen = null;
    const others = this.#articles().filter((row) => idOf(row) > this.#read && !row.querySelector("[data-own]"));
    if (others.length && this.#isLive) this.#observer.observe(others.at(-1));
  }

  #saw(entry) {
    this.#seen = entry.isIntersecting ? idOf(entry.target) : null;
    this.#reporting.start();
  }

  async #report() {
    const id = this.#seen;
    if (!isLookedAt() || !id || id <= this.#read || this.#isGone || this.#isHeld) return;
    this.#telling = api("POST", `/api/chats/${this.#chat}/read`, { message_id: id });
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
  async #goBack(id) {
    this.#isHeld = true;
    this.#read = id;
    this.#watch();
    this.querySelector(".unread-line")?.remove();
    const first = this.#articles().find((row) => idOf(row) > id && !row.matches(".is-deleted, :has([data-own])"));
    const found = first && (await piece(`/chats/${this.#chat}/log?beside=${idOf(first)}&line=1`).catch(() => null));
    const line = found?.querySelector(".unread-line");
    if (!line || this.#read !== id) return;
    this.#replace(found.querySelector(`#${first.id}`));
    article(idOf(first)).before(line);
  }

  // What one does with a message. Without the script, where it can't be loaded, the link or button does it.
  #acts(event) {
    const control = event.target.closest("[data-act]");
    if (!control || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    event.preventDefault();
    control.closest("[popover]:popover-open")?.hidePopover();
    import("message-acts").then(
      (acts) => acts[control.dataset.act](control, this),
      () => (control.form ? control.form.requestSubmit(control) : location.assign(control.href)),
    );
  }

  // One's own, on their way

  #written(entry) {
    if (!this.#isLive) return;
    this.#unsaved.add(entry.key);
    this.#stand(entry);
    this.#isHeld = false;
    this.#reporting.start();
    this.querySelector(".unread-line")?.remove();
    this.scrollTop = 0;
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
    notSent.hidden = !failed;
    const words = notSent.querySelector("span");
    words.dataset.words ??= words.textContent;
    words.textContent = failed ? `${words.dataset.words} ${failed}` : "";
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
    for (const [key, row] of this.#rows) if (row.dataset.message && article(row.dataset.message)) this.#drop(key);
  }

  #drop(key) {
    this.#rows.get(key)?.remove();
    this.#rows.delete(key);
  }

  async #pressed(button) {
    const row = button?.closest("article[data-key]");
    if (!row) return;
    const entry = (await this.#outbox.of(this.#chat)).find(({ key }) => key === row.dataset.key);
    if (entry) await this.#outbox[button.name === "retry" ? "retry" : "discard"](entry);
    document.querySelector("chat-composer textarea")?.focus();
  }

  // The chat

  #rename(title) {
    document.querySelector(".pane-title h1").textContent = title;
  }

  #goneFrom() {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#observer.disconnect();
    const composer = document.querySelector("chat-composer");
    const hadFocus = composer?.contains(document.activeElement) || this.contains(document.activeElement);
    composer?.remove();
    this.#jump?.remove();
    const news = this.querySelector("template.gone").content.cloneNode(true);
    this.#column.replaceChildren(news);
    if (hadFocus) this.#column.querySelector("a").focus();
  }
}

function isLookedAt() {
  return document.visibilityState === "visible" && document.hasFocus();
}

function article(id) {
  return document.getElementById(`message-${id}`);
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
