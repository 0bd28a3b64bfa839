// openPicker(anchor): shows <emoji-picker> beside an element, or as a bottom sheet on a phone. Resolves to the chosen
// emoji, or null. Its texts come from the server, in the reader's language.
//
// Keys: Enter in the field chooses the first result, ↓ moves into the grid; there arrows, Home and End move.
import { emojiNames, found } from "emoji-names";
import { isComposing, isEnter } from "keys";
import { fetchFragment } from "server";

const RECENT = "recent emoji";
const KEPT = 18;
const GAP = 8; // px

let picker = null; // a promise of the page's picker

export async function openPicker(anchor) {
  picker ??= fetchFragment("/emoji").catch((error) => {
    picker = null;
    throw error;
  });
  const one = await picker;
  (anchor.closest("dialog") ?? document.body).append(one);
  return one.ask(anchor);
}

class EmojiPicker extends HTMLElement {
  #field;
  #scroller;
  #all = null;
  #answer = null; // resolves openPicker()
  #chosen = null;

  connectedCallback() {
    if (this.#field) return;
    this.#field = this.querySelector("input");
    this.#scroller = this.querySelector(".emoji-groups");
    this.addEventListener("toggle", (event) => event.newState === "closed" && this.#closed());
    this.addEventListener("click", (event) => this.#pressed(event.target.closest("button")));
    this.addEventListener("keydown", (event) => this.#key(event));
    this.#field.addEventListener("input", () => this.#search());
  }

  async ask(anchor) {
    this.#answer?.(null);
    const answered = new Promise((resolve) => (this.#answer = resolve));
    this.#chosen = null;
    this.#all ??= await this.#fill();
    this.#field.value = "";
    this.#search();
    this.#recall();
    this.showPopover();
    this.#place(anchor);
    this.#scroller.scrollTop = 0;
    // On a touch screen the keyboard would cover half of it.
    if (matchMedia("(hover: none)").matches) this.focus();
    else this.#field.focus();
    return answered;
  }

  async #fill() {
    const all = await emojiNames();
    for (const section of this.querySelectorAll("[data-group]")) {
      const group = Number(section.dataset.group);
      section.querySelector(".emoji-grid").append(...all.filter((one) => one.group === group).map(button));
    }
    return all;
  }

  #recall() {
    const known = new Map(this.#all.map((one) => [one.emoji, one]));
    const recent = recents().filter((emoji) => known.has(emoji));
    this.#recent.querySelector(".emoji-grid").replaceChildren(...recent.map((emoji) => button(known.get(emoji))));
    this.#recent.hidden = !recent.length;
  }

  get #recent() {
    return this.querySelector("[data-recent]");
  }

  #search() {
    const typed = this.#field.value.trim().replaceAll(":", "");
    const results = this.querySelector("[data-found]");
    const hits = typed ? found(this.#all, typed) : [];
    results.querySelector(".emoji-grid").replaceChildren(...hits.map(button));
    results.hidden = !hits.length;
    for (const section of this.querySelectorAll("[data-group]")) section.hidden = Boolean(typed);
    this.#recent.hidden = Boolean(typed) || !this.#recent.querySelector(".emoji-grid").childElementCount;
    this.querySelector(".emoji-tabs").hidden = Boolean(typed);
    this.querySelector("[role=status]").hidden = !typed || hits.length > 0;
    this.#scroller.scrollTop = 0;
    this.#setActive(null);
  }

  #pressed(pressed) {
    if (!pressed) return;
    if (pressed.value) return this.#choose(pressed.value);
    const section = this.querySelector(`[data-group="${pressed.dataset.to}"]`);
    section.scrollIntoView({ block: "start" });
    this.#setActive(section.querySelector("button"));
  }

  #choose(emoji) {
    this.#chosen = emoji;
    remember(emoji);
    this.hidePopover();
  }

  #closed() {
    this.#answer?.(this.#chosen);
    this.#answer = null;
  }

  // Roving tabindex: one emoji is a tab stop, arrows move it.

  #key(event) {
    const buttons = [...this.querySelectorAll(".emoji-grid button")].filter((one) => !one.closest("[hidden]"));
    const at = buttons.indexOf(document.activeElement);
    const isTyping = document.activeElement === this.#field;
    if (isComposing(event)) return;
    if (isTyping && isEnter(event)) {
      if (this.#field.value.trim() && buttons[0]) this.#choose(buttons[0].value);
    } else if (event.key === "ArrowDown" && at < 0) this.#go(buttons[0]);
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
      this.#go(to());
    }
    event.preventDefault();
  }

  #go(one) {
    if (!one) return;
    this.#setActive(one);
    one.focus();
  }

  #setActive(one) {
    for (const before of this.querySelectorAll(".emoji-grid button[tabindex='0']")) before.tabIndex = -1;
    const stop = one ?? this.querySelector(":not([hidden]) > .emoji-grid button");
    if (stop) stop.tabIndex = 0;
  }

  #place(anchor) {
    if (matchMedia("(width < 30em)").matches) return this.style.removeProperty("inset");
    const [around, own] = [anchor.getBoundingClientRect(), this.getBoundingClientRect()];
    const start = around.right - own.width;
    const top = around.top - own.height - GAP;
    const within = (value, most) => Math.max(GAP, Math.min(value, most - GAP));
    const y = top >= GAP ? top : within(around.bottom + GAP, innerHeight - own.height);
    this.style.inset = `${y}px auto auto ${within(start, innerWidth - own.width)}px`;
  }
}

function button({ emoji, names }) {
  const made = document.createElement("button");
  const words = names[0].replaceAll("_", " ");
  Object.assign(made, { type: "button", value: emoji, textContent: emoji, title: words, tabIndex: -1 });
  made.setAttribute("aria-label", words);
  return made;
}

function below(buttons, at) {
  return nearest(buttons[at], buttons.slice(at + 1), (here, there) => there.top >= here.bottom - 1);
}

function above(buttons, at) {
  return nearest(buttons[at], buttons.slice(0, at).reverse(), (here, there) => there.bottom <= here.top + 1);
}

// The emoji of the next row that is nearest to this column.
function nearest(from, others, lies) {
  const here = from.getBoundingClientRect();
  const far = (one) => Math.abs(one.left - here.left);
  let best = null;
  for (const one of others) {
    const there = one.getBoundingClientRect();
    if (!lies(here, there)) continue;
    if (best && Math.abs(there.top - best.there.top) > 1) break;
    if (!best || far(there) < far(best.there)) best = { one, there };
  }
  return best?.one ?? null;
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
    localStorage.setItem(RECENT, JSON.stringify([emoji, ...recents().filter((one) => one !== emoji)].slice(0, KEPT)));
  } catch {
    // storage is unavailable
  }
}

customElements.define("emoji-picker", EmojiPicker);
