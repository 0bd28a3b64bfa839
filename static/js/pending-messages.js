// Messages that were written here and that the server has not accepted yet: being sent, or failed.

export class PendingMessages {
  #list;
  #rows;
  #column;
  #chat;
  #outbox;
  #pending = new Map(); // key -> row, in the order of writing
  #unsaved = new Set(); // keys that are not in the outbox yet
  #echoes = new Map(); // key -> id: received from the stream before the answer to the request

  constructor(list, rows, chat, outbox) {
    this.#list = list;
    this.#rows = rows;
    this.#column = list.querySelector(".message-column");
    this.#chat = chat;
    this.#outbox = outbox;
  }

  connect(signal) {
    const on = (target, type, handler) => target.addEventListener(type, handler, { signal });
    on(this.#outbox, "change", ({ detail }) => detail.chat === this.#chat && this.sync());
    on(this.#outbox, "sent", ({ detail }) => detail.chat === this.#chat && this.#onSent(detail));
    on(this.#outbox, "progress", ({ detail }) => this.#showProgress(detail));
    on(this.#list, "click", (event) => this.#onClick(event.target.closest("button[name]")));
  }

  // Shows the row of a message that was just written.
  add(entry) {
    this.#unsaved.add(entry.key);
    this.#show(entry);
  }

  // Recognizes an own message that came by the stream before the answer to its request.
  #recognize(message) {
    const rows = [...this.#pending.values()];
    if (rows.some((one) => one.dataset.message === String(message.id))) return;
    const row = rows.find(
      (one) =>
        !one.dataset.message &&
        one.dataset.text === message.text.trim() &&
        Number(one.dataset.files) === message.files.length,
    );
    if (!row) return;
    row.dataset.message = message.id;
    this.#echoes.set(row.dataset.key, message.id);
  }

  // Makes the rows agree with the outbox.
  async sync() {
    if (!this.#list.isLive) return;
    const entries = await this.#outbox.of(this.#chat);
    const kept = new Set(entries.map(({ key }) => key));
    for (const entry of entries) {
      this.#unsaved.delete(entry.key);
      if (this.#echoes.has(entry.key)) continue;
      if (this.#pending.has(entry.key)) this.#showState(this.#pending.get(entry.key), entry);
      else this.#show(entry);
    }
    for (const [key, row] of this.#pending)
      if (!kept.has(key) && !this.#unsaved.has(key) && !row.dataset.message) this.#remove(key);
  }

  // Removes the rows of messages whose own row is there by now.
  removeArrived() {
    for (const [key, row] of this.#pending)
      if (row.dataset.message && this.#rows.find(row.dataset.message)) this.#remove(key);
  }

  #remove(key) {
    const row = this.#pending.get(key);
    if (row) this.#rows.removePending(row);
    this.#pending.delete(key);
  }

  #onSent({ key, message }) {
    this.#unsaved.delete(key);
    this.#echoes.delete(key);
    const row = this.#pending.get(key);
    if (!row) return;
    if (!message || !this.#list.isLive) return this.#remove(key);
    row.dataset.message = message.id;
    this.#list.onEvent("message.created", message);
    this.removeArrived();
  }

  // Returns the row of a message that was sent from here, which is like any other from now on.
  claim(message) {
    this.#recognize(message);
    const [key, row] = [...this.#pending].find(([, one]) => one.dataset.message === String(message.id)) ?? [];
    this.#pending.delete(key);
    return row;
  }

  // The row of a message is there from the first moment, with plain text and with its state instead of actions.
  #show(entry) {
    const template = this.#list.querySelector("template.sending");
    const written = [entry.text, ...entry.files.map(({ name }) => `📎 ${name}`)].filter(Boolean).join("\n").trim();
    const row = this.#rows.render({
      id: 0,
      chat_id: this.#chat,
      author: JSON.parse(template.dataset.author),
      ...{ text: "", html: plainHtml(written), files: [], reactions: [], mentions: [], reply_to: null },
      ...{ forwarded_from: null, edited_at: null, created_at: new Date(entry.written).toISOString() },
    });
    row.removeAttribute("id");
    for (const control of row.querySelectorAll(".message-actions, .message-more")) control.remove();
    row.append(template.content.cloneNode(true));
    Object.assign(row.dataset, { key: entry.key, text: entry.text.trim(), files: entry.files.length });
    this.#pending.set(entry.key, row);
    this.#column.querySelector(":scope > .empty")?.remove();
    this.#column.querySelector("#newest").before(row);
    this.#rows.arrange(row);
    this.#showState(row, entry);
  }

  #showState(row, { failed }) {
    const [sending, notSent] = row.querySelectorAll(".message-state");
    row.classList.toggle("is-sending", !failed);
    row.classList.toggle("is-failed", Boolean(failed));
    sending.hidden = Boolean(failed);
    sending.querySelector("progress").hidden = true;
    sending.querySelector("button").hidden = !Number(row.dataset.files);
    notSent.hidden = !failed;
    const label = notSent.querySelector("span");
    label.dataset.words ??= label.textContent;
    label.textContent = failed ? `${label.dataset.words} ${reason(failed, label)}` : "";
  }

  #showProgress({ key, sent, total }) {
    const [bar, cancel] = this.#pending.get(key)?.querySelectorAll("progress, [name=cancel]") ?? [];
    if (!bar) return;
    Object.assign(bar, { max: total, value: sent, hidden: false });
    // Once the server has everything it is too late to cancel.
    cancel.hidden = sent === total;
  }

  async #onClick(button) {
    const row = button?.closest("[data-key]");
    if (!row) return;
    const entry = (await this.#outbox.of(this.#chat)).find(({ key }) => key === row.dataset.key);
    const action = { retry: "retry", discard: "discard", cancel: "cancel", change: "cancel" }[button.name];
    if (entry) await this.#outbox[action](entry);
    if (entry && action === "cancel") document.dispatchEvent(new CustomEvent("message-recalled", { detail: entry }));
    document.querySelector("chat-composer textarea")?.focus();
  }
}

// A status code means nothing to most people.
function reason(failed, { dataset }) {
  if (!/^\d{3}$/.test(failed)) return failed;
  return failed === "413" ? dataset.large : dataset.refused.replace("{status}", failed);
}

// A text as the server renders one without any signs.
function plainHtml(text) {
  const paragraph = document.createElement("p");
  paragraph.append(...text.split("\n").flatMap((line, at) => (at ? [document.createElement("br"), line] : [line])));
  return paragraph.outerHTML;
}
