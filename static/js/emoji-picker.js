// openPicker(anchor): shows <emoji-picker> beside an element, or as a bottom sheet on a phone. Resolves to the chosen
// emoji, or null. Its texts come from the server, in the reader's language.
//
// Keys: Enter in the field chooses the first result, ↓ moves into the grid; there arrows, Home and End move.
import { emojiNames, findEmoji } from "emoji-names";
import { isComposing, isEnter } from "keys";
import { fetchFragment } from "server";

const RECENT = "recent emoji";
const RECENT_MAX = 18;
const GAP = 8; // px

let picker = null; // a promise of the page's picker

export async function openPicker(anchor) {
  picker ??= fetchFragment("/emoji").catch((error) => {
    picker = null;
    throw error;
  });
  const element = await picker;
  (anchor.closest("dialog") ?? document.body).append(element);
  return element.pick(anchor);
}

class EmojiPicker extends HTMLElement {
  #field;
  #scroller;
  #all = null;
  #resolve = null; // resolves openPicker()
  #chosen = null;

  connectedCallback() {
    if (this.#field) return;
    this.#field = this.querySelector("input");
    this.#scroller = this.querySelector(".emoji-groups");
    this.addEventListener("toggle", (event) => event.newState === "closed" && this.#onClose());
    this.addEventListener("click", (event) => this.#onClick(event.target.closest("button")));
    this.addEventListener("keydown", (event) => this.#onKeydown(event));
    this.#field.addEventListener("input", () => this.#search());
  }

  async pick(anchor) {
    this.#resolve?.(null);
    const chosen = new Promise((resolve) => (this.#resolve = resolve));
    this.#chosen = null;
    this.#all ??= await this.#fill();
    this.#field.value = "";
    this.#search();
    this.#showRecent();
    this.showPopover();
    this.#place(anchor);
    this.#scroller.scrollTop = 0;
    // On a touch screen the keyboard would cover half of it.
    if (matchMedia("(hover: none)").matches) this.focus();
    else this.#field.focus();
    return chosen;
  }

  async #fill() {
    const all = await emojiNames();
    for (const section of this.querySelectorAll("[data-group]")) {
      const group = Number(section.dataset.group);
      section.querySelector(".emoji-grid").append(...all.filter((one) => one.group === group).map(emojiButton));
    }
    return all;
  }

  #showRecent() {
    const known = new Map(this.#all.map((one) => [one.emoji, one]));
    const recent = recents().filter((emoji) => known.has(emoji));
    this.#recent.querySelector(".emoji-grid").replaceChildren(...recent.map((emoji) => emojiButton(known.get(emoji))));
    this.#recent.hidden = !recent.length;
  }

  get #recent() {
    return this.querySelector("[data-recent]");
  }

  #search() {
    const typed = this.#field.value.trim().replaceAll(":", "");
    const results = this.querySelector("[data-found]");
    const hits = typed ? findEmoji(this.#all, typed) : [];
    results.querySelector(".emoji-grid").replaceChildren(...hits.map(emojiButton));
    results.hidden = !hits.length;
    for (const section of this.querySelectorAll("[data-group]")) section.hidden = Boolean(typed);
    this.#recent.hidden = Boolean(typed) || !this.#recent.querySelector(".emoji-grid").childElementCount;
    this.querySelector(".emoji-tabs").hidden = Boolean(typed);
    this.querySelector("[role=status]").hidden = !typed || hits.length > 0;
    this.#scroller.scrollTop = 0;
    this.#setActive(null);
  }

  #onClick(button) {
    if (!button) return;
    if (button.value) return this.#choose(button.value);
    const section = this.querySelector(`[data-group="${button.dataset.to}"]`);
    section.scrollIntoView({ block: "start" });
    this.#setActive(section.querySelector("button"));
  }

  #choose(emoji) {
    this.#chosen = emoji;
    remember(emoji);
    this.hidePopover();
  }

  #onClose() {
    this.#resolve?.(this.#chosen);
    this.#resolve = null;
  }

  // Roving tabindex: one emoji is a tab stop, arrows move it.

  #onKeydown(event) {
    const buttons = [...this.querySelectorAll(".emoji-grid button")].filter((one) => !one.closest("[hidden]"));
    const at = buttons.indexOf(document.activeElement);
    const isTyping = document.activeElement === this.#field;
    if (isComposing(event)) return;
    if (isTyping && isEnter(event)) {
      if (this.#field.value.trim() && buttons[0]) this.#choose(buttons[0].value);
    } else if (event.key === "ArrowDown" && at < 0) this.#focusEmoji(buttons[0]);
    else if (at < 0) return;
    else if (event.key === "ArrowUp" && !above(buttons, at)) this.#field.focus();
    else {
      const forward = getComputedStyle(this).direction === "rtl" ? -1 : 1;
      const to = {
        ArrowRight: () => buttons[at + forward],
        ArrowLeft: () => buttons[at - forward],
        ArrowDown: () => below(buttons, at),
        ArrowUp: () => above(buttons, at),
        Home: () => buttons[0],
        End: () => buttons.at(-1),
      }[event.key];
      if (!to) return;
      this.#focusEmoji(to());
    }
    event.preventDefault();
  }

  #focusEmoji(button) {
    if (!button) return;
    this.#setActive(button);
    button.focus();
  }

  #setActive(button) {
    for (const previous of this.querySelectorAll(".emoji-grid button[tabindex='0']")) previous.tabIndex = -1;
    const tabStop = button ?? this.querySelector(":not([hidden]) > .emoji-grid button");
    if (tabStop) tabStop.tabIndex = 0;
  }

  #place(anchor) {
    if (matchMedia("(width < 30em)").matches) return this.style.removeProperty("inset");
    const [anchorBox, ownBox] = [anchor.getBoundingClientRect(), this.getBoundingClientRect()];
    const start = anchorBox.right - ownBox.width;
    const top = anchorBox.top - ownBox.height - GAP;
    const within = (value, end) => Math.max(GAP, Math.min(value, end - GAP));
    const y = top >= GAP ? top : within(anchorBox.bottom + GAP, innerHeight - ownBox.height);
    this.style.inset = `${y}px auto auto ${within(start, innerWidth - ownBox.width)}px`;
  }
}

function emojiButton({ emoji, names }) {
  const element = document.createElement("button");
  const label = names[0].replaceAll("_", " ");
  Object.assign(element, { type: "button", value: emoji, textContent: emoji, title: label, tabIndex: -1 });
  element.setAttribute("aria-label", label);
  return element;
}

function below(buttons, at) {
  return nearest(buttons[at], buttons.slice(at + 1), (from, other) => other.top >= from.bottom - 1);
}

function above(buttons, at) {
  return nearest(buttons[at], buttons.slice(0, at).reverse(), (from, other) => other.bottom <= from.top + 1);
}

// The emoji of the next row that is nearest to this column.
function nearest(from, others, isBeyond) {
  const fromBox = from.getBoundingClientRect();
  const distance = (other) => Math.abs(other.left - fromBox.left);
  let best = null;
  for (const other of others) {
    const box = other.getBoundingClientRect();
    if (!isBeyond(fromBox, box)) continue;
    if (best && Math.abs(box.top - best.box.top) > 1) break;
    if (!best || distance(box) < distance(best.box)) best = { other, box };
  }
  return best?.other ?? null;
}

function recents() {
  try {
    return JSON.parse(localStorage.getItem(RECENT) ?? "[]");
  } catch {
    return []; // storage is unavailable
  }
}

function remember(emoji) {
  try {
    localStorage.setItem(
      RECENT,
      JSON.stringify([emoji, ...recents().filter((one) => one !== emoji)].slice(0, RECENT_MAX)),
    );
  } catch {
    // storage is unavailable
  }
}

customElements.define("emoji-picker", EmojiPicker);
