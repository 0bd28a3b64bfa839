// The rows of a <message-list>: finds, inserts and updates them, as the server rendered them or from a message's JSON.
import { dayOf, placeFields, quoteFields, rowFields, timeFields } from "message-fields";
import { fill } from "slots";
import { updateInPlace } from "update-in-place";

const CONTINUES_WITHIN = 5 * 60 * 1000; // ms, as in views/message_list.py
const CONTINUED = "message is-continued";
const HIDDEN = "visually-hidden";

// The id of a row's message; 0 for a separator and for no row.
export function idOf(row) {
  return Number(/^message-(\d+)$/.exec(row?.id ?? "")?.[1] ?? 0);
}

export class MessageRows {
  #list;
  #column;
  #templates;
  #reader;

  // `mayDelete` says whether the reader may delete the messages of an author.
  constructor(list, mayDelete) {
    this.#list = list;
    this.#column = list.querySelector(".message-column");
    const template = list.querySelector("template.message-row");
    this.#templates = template.content;
    this.#reader = { id: Number(list.getAttribute("user")), texts: template.dataset, mayDelete };
  }

  get all() {
    return [...this.#column.querySelectorAll(":scope > article[id]")];
  }

  find(id) {
    return this.#column.querySelector(`:scope > #message-${id}`);
  }

  // The first row on screen.
  get topmost() {
    const top = this.#list.getBoundingClientRect().top;
    return this.all.find((row) => row.getBoundingClientRect().bottom > top);
  }

  // The node before which the next message goes: messages that are being sent stay below it.
  get end() {
    return this.#column.querySelector(":scope > :is([data-key], #newer, #newest)");
  }

  // Makes a change above or below the screen without moving what is on screen.
  keepPlace(change) {
    const release = this.holdPlace();
    change();
    release();
  }

  // Notes what is on screen; the function that is returned scrolls there again.
  holdPlace() {
    const anchor = this.topmost;
    const oldTop = anchor?.getBoundingClientRect().top;
    this.#list.style.overflowAnchor = "none"; // the browser would scroll as well
    return () => {
      const newTop = anchor && this.find(idOf(anchor))?.getBoundingClientRect().top;
      if (newTop !== undefined && newTop !== oldTop) this.#list.scrollTop += newTop - oldTop;
      requestAnimationFrame(() => (this.#list.style.overflowAnchor = ""));
    };
  }

  // Rows from the server

  // Appends the new rows of a fragment; `known` is the message it begins with, or 0.
  append(fragment, known) {
    const rows = [...fragment.children];
    const fresh = rows
      .slice(known ? rows.findIndex((row) => idOf(row) === known) + 1 : 0)
      .filter((row) => !idOf(row) || !this.find(idOf(row)));
    if (fresh.length) this.#column.querySelector(":scope > .empty")?.remove();
    if (fresh.some((row) => row.matches(".unread-line"))) this.#list.querySelector(".unread-line")?.remove();
    const { end } = this;
    for (const row of fresh) {
      this.#linkQuote(row);
      end.before(row);
    }
    if (end.matches("[data-key]")) this.arrange(end);
  }

  // Prepends older rows. The fragment ends with the row `first` once more, since it may continue the one before.
  prepend(fragment, first) {
    const older = fragment.querySelector("#older");
    const hadFocus = this.#column.querySelector("#older")?.contains(document.activeElement);
    for (const row of this.#column.querySelectorAll(
      ":scope > #older, :scope > .day:first-child, :scope > #older + .day",
    ))
      row.remove();
    if (fragment.querySelector(".unread-line")) this.#column.querySelector(":scope > .unread-line")?.remove();
    const rows = [...fragment.children].filter(
      (row) => row.matches("#older") || !idOf(row) || idOf(row) <= idOf(first),
    );
    this.keepPlace(() => {
      this.update(rows.pop());
      for (const row of rows) this.#linkQuote(row);
      this.#column.prepend(...rows);
    });
    if (hadFocus) (older?.querySelector("a") ?? this.#list).focus({ preventScroll: true });
  }

  // Updates a row to a newer rendering.
  update(row, old = this.find(idOf(row))) {
    if (!old) return;
    this.#linkQuote(row);
    this.#list.dispatchEvent(new CustomEvent("row-updating", { detail: row }));
    const hadFocus = old.contains(document.activeElement);
    updateInPlace(old, row, "message-editor");
    if (hadFocus && !old.contains(document.activeElement)) this.#list.focus();
  }

  // Updates the rows of a fragment that are here.
  refresh(fragment) {
    for (const row of [...fragment.children].filter(idOf)) {
      const old = this.find(idOf(row));
      if (old) this.update(this.#keepContinued(row, old), old);
    }
  }

  // Removes everything but the messages that are being sent.
  clear() {
    for (const row of this.#column.querySelectorAll(":scope > :is(article[id], .day, .unread-line, #older)"))
      row.remove();
  }

  // A quotation of a message on this page links to it without leaving the page.
  #linkQuote(row) {
    const quote = row.querySelector?.(".quote");
    if (quote?.hash && this.#list.querySelector(quote.hash)) quote.setAttribute("href", quote.hash);
  }

  // Rows from JSON

  // Makes the row of a message that stands nowhere yet; without an id it is being sent.
  render(message, old = null) {
    const own = new Set();
    for (const button of old?.querySelectorAll(".reactions [aria-pressed=true]") ?? []) own.add(button.value);
    if (message.reaction?.user_id === this.#reader.id)
      own[message.reaction.added ? "add" : "delete"](message.reaction.emoji);
    const isTarget = Boolean(old?.matches(".is-target"));
    const isShown = (id) => Boolean(this.find(id));
    return fill(
      this.#templates.querySelector("article[data-unless]"),
      rowFields(message, this.#reader, { isTarget, isShown, own }),
    );
  }

  // Inserts a new message where it belongs; `sent` is its row if it was sent from here. With `isUnread` the unread line
  // stands above it.
  insert(message, sent, isUnread) {
    this.#column.querySelector(":scope > .empty")?.remove();
    const next = this.all.find((row) => idOf(row) > message.id);
    const row = sent ?? this.render(message);
    const place = next ? (separatorsOf(next)[0] ?? next) : this.end;
    if (row !== place) place.before(...(sent ? separatorsOf(sent) : []), row);
    if (sent) {
      sent.id = `message-${message.id}`;
      this.update(this.#keepContinued(this.render(message), sent), sent);
    }
    if (isUnread) this.#drawLine(row);
    this.arrange(row);
    this.#arrangeAfter(row);
  }

  // Updates a message that was edited, restored or reacted to. A restored one after `readId` may be the first unread.
  change(message, readId) {
    const row = this.find(message.id);
    // Only a restored message comes back; another event may be older than what is shown.
    if (!row || (row.matches(".is-deleted") && !message.restored)) return;
    this.update(this.#keepContinued(this.render(message, row), row), row);
    this.arrange(row);
    this.#arrangeAfter(row);
    this.#changeQuotes(message.id, quoteFields("", message.author, message.preview, false));
    const line = message.restored && message.id > readId && this.#list.querySelector(".unread-line");
    if (line && !row.querySelector("[data-own]") && this.#firstUnreadAfter(row) === nextRow(line)) this.drawLine(row);
  }

  // Leaves a trace of a message that was deleted.
  remove(id) {
    const row = this.find(id);
    this.#changeQuotes(id, quoteFields("", null, "", true));
    if (!row || row.matches(".is-deleted")) return;
    const [author, time, face] = [authorIn(row), timeIn(row), this.#faceOf(row)];
    const picture = face?.querySelector("img")?.getAttribute("src") ?? null;
    this.update(
      fill(this.#templates.querySelector("article[data-if]"), {
        id,
        ...placeFields("message is-deleted", { isTarget: row.matches(".is-target") }),
        author_url: author.getAttribute("href"),
        author_label: author.textContent,
        author_hue: face?.getAttribute("data-hue"),
        avatar_url: picture,
        initials: face?.textContent ?? "",
        created_at: time.dateTime,
        time: time.textContent,
      }),
      row,
    );
    this.#arrangeAfter(row);
    if (separatorsOf(row).some(isLine)) this.drawLine(this.#firstUnreadAfter(row));
  }

  // The first message of somebody else after a row.
  #firstUnreadAfter(row) {
    return this.all.find((one) => idOf(one) > idOf(row) && !one.matches(".is-deleted, :has([data-own])"));
  }

  // Removes the row of a message that was not sent, and the day that began with it.
  removePending(row) {
    const next = nextRow(row);
    for (const separator of next ? [] : separatorsOf(row)) separator.remove();
    row.remove();
    if (next) this.arrange(next);
  }

  // Draws the unread line above a row, or removes it.
  drawLine(row) {
    const line = this.#list.querySelector(".unread-line");
    const below = line && nextRow(line);
    line?.remove();
    if (below) this.arrange(below);
    if (!row) return;
    this.#drawLine(row);
    this.arrange(row);
  }

  #drawLine(row) {
    this.#list.querySelector(".unread-line")?.remove();
    row.before(fill(this.#templates.querySelector(".unread-line"), { is_alone: false }));
  }

  // Puts the day above a row where one begins, and makes it continue the row before or not.
  arrange(row) {
    const separators = separatorsOf(row);
    const before = previousRow(row);
    const startsDay = !before || dayOf(timeIn(before).dateTime) !== dayOf(timeIn(row).dateTime);
    const day = separators.find((one) => one.matches(".day"));
    if (day && !startsDay) day.remove();
    if (!day && startsDay)
      (separators[0] ?? row).before(fill(this.#templates.querySelector(".day"), timeFields(timeIn(row).dateTime)));
    const isUnread = separators.some(isLine);
    if (!row.matches(".is-deleted")) this.#setContinued(row, !startsDay && !isUnread && follows(before, row));
  }

  #arrangeAfter(row) {
    const next = nextRow(row);
    if (next) this.arrange(next);
  }

  // A new rendering of a row continues the row before as the old one did.
  #keepContinued(fresh, old) {
    this.#setContinued(fresh, old.matches(".is-continued"));
    return fresh;
  }

  // A row that continues the one before has no head, but its author for screen readers.
  #setContinued(row, isContinued) {
    if (row.matches(".is-continued") === isContinued) return;
    const [author, time, edited] = [authorIn(row), timeIn(row), row.querySelector(".edited")];
    const face = isContinued ? null : this.#faceOf(row).cloneNode(true);
    row.className = isContinued
      ? row.className.replace("message", CONTINUED)
      : row.className.replace(CONTINUED, "message");
    author.classList.toggle(HIDDEN, isContinued);
    if (isContinued) {
      author.tabIndex = -1;
      row.querySelector(":scope > .avatar").remove();
      row.querySelector(".message-head").replaceWith(author, time);
      if (edited) row.querySelector(":scope > :is(.reactions, .message-actions)").before(edited);
    } else {
      const head = document.createElement("header");
      head.className = "message-head";
      author.removeAttribute("tabindex");
      row.prepend(face, head);
      head.append(author, " ", time, ...(edited ? [" ", edited] : []));
    }
  }

  // The picture or initials of a row's author, in the first of the rows that it continues.
  #faceOf(row) {
    let head = row;
    while (head && !head.querySelector(":scope > .avatar")) head = previousRow(head);
    return head?.querySelector(":scope > .avatar");
  }

  #changeQuotes(id, fields) {
    for (const quote of this.#column.querySelectorAll(`.quote[href$="#message-${id}"]`)) {
      const fresh = fill(this.#templates.querySelector(".quote"), {
        ...fields,
        quote_url: quote.getAttribute("href"),
      });
      updateInPlace(quote, fresh);
    }
  }
}

function authorIn(row) {
  return row.querySelector(".message-author");
}

function timeIn(row) {
  return row.querySelector(".message-time");
}

// Whether a row continues the one before: same author, within five minutes, neither deleted.
function follows(before, row) {
  const [one, other] = [before, row].map((each) => authorIn(each).getAttribute("href"));
  const passed = Date.parse(timeIn(row).dateTime) - Date.parse(timeIn(before).dateTime);
  return one !== null && one === other && passed >= 0 && passed < CONTINUES_WITHIN && !before.matches(".is-deleted");
}

function previousRow(node) {
  let row = node.previousElementSibling;
  while (row && row.localName !== "article") row = row.previousElementSibling;
  return row;
}

function nextRow(node) {
  let row = node.nextElementSibling;
  while (row && row.localName !== "article") row = row.nextElementSibling;
  return row;
}

function isLine(separator) {
  return separator.matches(".unread-line");
}

// The day and the unread line right above a row.
function separatorsOf(row) {
  const found = [];
  for (let one = row.previousElementSibling; one?.matches(".day, .unread-line"); one = one.previousElementSibling)
    found.unshift(one);
  return found;
}
