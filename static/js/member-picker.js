// <member-picker> around the plain field of usernames: chips for chosen people, and suggestions. Without scripts the
// field takes names separated by commas or spaces; the form sends the same either way. With `single` the field takes
// one name; those in `members` are not suggested. An editable combobox with list autocomplete:
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
import { element, faceOf } from "choices";
import { isComposing, isEnter } from "keys";
import { api } from "server";

const SEPARATOR = /[\s,;]+/;
const PAUSE = 150; // ms without a key before the server is asked
const SUGGESTIONS_MAX = 8;

class MemberPicker extends HTMLElement {
  #input;
  #hiddenField = element("input", { type: "hidden", name: "usernames" });
  #chips = element("ul", { class: "chips", role: "list", "aria-label": this.getAttribute("chosen") });
  #list = element("div", {
    class: "options",
    id: "options",
    role: "listbox",
    hidden: "",
    "aria-label": this.getAttribute("people"),
  });
  #chosen = new Map(); // username -> its chip
  #members = new Set(this.getAttribute("members")?.split(" "));
  #people = [];
  #active = -1;
  #timer = 0;
  #request = null; // the current request
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    // A page from the back/forward cache may have a filled field.
    addEventListener("pageshow", () => this.#onInput(), { signal: this.#listening.signal });
    if (this.#input) return;
    this.#input = this.querySelector("input");
    setAttributes(this.#input, {
      ...{ role: "combobox", "aria-expanded": "false", "aria-controls": "options", "aria-autocomplete": "list" },
      autocomplete: "off",
    });
    if (this.#isSingle) this.#input.after(this.#list);
    else this.#addChips();
    this.#input.addEventListener("input", () => this.#onInput());
    this.#input.addEventListener("keydown", (event) => this.#onKeydown(event));
    this.#input.addEventListener("blur", () => this.#close());
    // Keep the focus in the field while an option is pressed.
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#pick(Number(option.dataset.at));
    });
  }

  get #isSingle() {
    return this.hasAttribute("single");
  }

  #addChips() {
    const box = element("div", { class: "picker-box" });
    this.#input.replaceWith(box);
    box.append(this.#chips, this.#input, this.#hiddenField);
    box.after(this.#list);
    box.addEventListener("click", (event) => event.target === box && this.#input.focus());
    const names = this.#input.value.split(SEPARATOR).filter(Boolean);
    this.#input.removeAttribute("name");
    this.#input.classList.remove("input");
    this.#input.value = "";
    for (const name of names) this.#addChip({ username: name });
  }

  disconnectedCallback() {
    this.#listening.abort();
    this.#close();
  }

  #onInput() {
    const parts = this.#isSingle ? [this.#input.value.trim()] : this.#input.value.split(SEPARATOR);
    const rest = parts.pop();
    for (const name of parts.filter(Boolean)) this.#addChip({ username: name });
    if (parts.length) this.#input.value = rest;
    this.#updateHiddenField();
    clearTimeout(this.#timer);
    if (rest) this.#timer = setTimeout(() => this.#suggest(rest), PAUSE);
    else this.#close();
  }

  #onKeydown(event) {
    const open = !this.#list.hidden;
    const last = this.#people.length - 1;
    if (isComposing(event)) return;
    if (event.key === "ArrowDown" && open) this.#setActive(this.#active < last ? this.#active + 1 : 0);
    else if (event.key === "ArrowUp" && open) this.#setActive(this.#active > 0 ? this.#active - 1 : last);
    else if (event.key === "Escape" && open) this.#close();
    else if (isEnter(event) && open && this.#active >= 0) this.#pick(this.#active);
    else if (isEnter(event) && this.#input.value && !this.#isSingle) this.#pick(-1);
    else if (event.key === "Backspace" && !this.#input.value && this.#chosen.size)
      this.#removeChip([...this.#chosen.keys()].at(-1));
    else return;
    event.preventDefault();
  }

  #pick(at) {
    const person = this.#people[at] ?? { username: this.#input.value.trim() };
    this.#input.value = this.#isSingle ? person.username : "";
    if (!this.#isSingle) this.#addChip(person);
    this.#close();
  }

  #addChip(person) {
    const name = person.username;
    if (!this.#chosen.has(name)) {
      const remove = element("button", { type: "button" });
      remove.append(
        this.#icon("close"),
        element("span", { class: "visually-hidden" }, this.getAttribute("take-out").replace("{name}", name)),
      );
      remove.addEventListener("click", () => {
        this.#removeChip(name);
        this.#input.focus();
      });
      const chip = element("li", { class: "chip" });
      chip.append(faceOf(person), name, remove);
      this.#chosen.set(name, chip);
      this.#chips.append(chip);
    }
    this.#updateHiddenField();
  }

  #removeChip(name) {
    this.#chosen.get(name).remove();
    this.#chosen.delete(name);
    this.#updateHiddenField();
  }

  #updateHiddenField() {
    this.#hiddenField.value = [...this.#chosen.keys(), this.#input.value.trim()].filter(Boolean).join(", ");
  }

  async #suggest(start) {
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    try {
      const people = await this.#fetchPeople(start, request.signal);
      if (request.signal.aborted || document.activeElement !== this.#input) return;
      this.#people = people
        .filter(({ username }) => !this.#chosen.has(username) && !this.#members.has(username))
        .slice(0, SUGGESTIONS_MAX);
      this.#show(start);
    } catch (error) {
      // Without suggestions names can still be typed.
      if (error.name !== "AbortError") this.#close();
    }
  }

  async #fetchPeople(start, signal) {
    const response = await api(
      "GET",
      `/api/users?${new URLSearchParams({ q: start, limit: 2 * SUGGESTIONS_MAX })}`,
      null,
      {},
      { signal },
    );
    if (!response.ok) throw new Error(`the list of people: ${response.status}`);
    return (await response.json()).items;
  }

  #show(start) {
    this.#list.replaceChildren(...this.#people.map((person, at) => this.#option(person, at, start)));
    this.#list.hidden = !this.#people.length;
    this.#input.setAttribute("aria-expanded", String(!this.#list.hidden));
    this.#setActive(this.#people.length ? 0 : -1);
  }

  #option(person, at, start) {
    const option = element("div", {
      class: "option",
      id: `option-${at}`,
      role: "option",
      "aria-selected": "false",
      "data-at": at,
    });
    const label = element("span");
    const name = person.username;
    if (name.toLowerCase().startsWith(start.toLowerCase()))
      label.append(element("b", {}, name.slice(0, start.length)), name.slice(start.length));
    else label.append(name);
    if (person.name) label.append(" ", element("small", {}, person.name));
    option.append(faceOf(person), label, this.#icon("check"));
    return option;
  }

  #setActive(at) {
    this.#active = at;
    for (const [index, option] of [...this.#list.children].entries()) {
      option.setAttribute("aria-selected", String(index === at));
      option.lastElementChild.toggleAttribute("hidden", index !== at);
      if (index === at) option.scrollIntoView({ block: "nearest" });
    }
    if (at >= 0) this.#input.setAttribute("aria-activedescendant", `option-${at}`);
    else this.#input.removeAttribute("aria-activedescendant");
  }

  #close() {
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.#people = [];
    this.#list.hidden = true;
    this.#input.setAttribute("aria-expanded", "false");
    this.#setActive(-1);
  }

  #icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${this.getAttribute("icons")}#${name}`);
    setAttributes(svg, { class: "icon", "aria-hidden": "true" });
    svg.append(use);
    return svg;
  }
}

function setAttributes(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) target.setAttribute(name, value);
}

customElements.define("member-picker", MemberPicker);
