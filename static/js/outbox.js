// The outbox of each person in this browser.
import { api, isRefusal, reasonOf, Refused, SignedOut } from "server";

const SECONDS = 1000; // in ms

// Messages that were written and not confirmed yet. They are kept in IndexedDB until the server has answered, so they
// outlive the page. Each chat's messages are sent in order, one at a time, by one tab (Web Lock), each with its own
// Idempotency-Key, so that a repetition creates no second message.
class Outbox extends EventTarget {
  #user;
  #database = null;
  #channel;
  #sending = new Set(); // chats
  #unchecked = new Set(); // chats with entries that #drain() may not have seen
  #wakers = new Set();
  #uploads = new Map(); // key -> AbortController

  constructor(user) {
    super();
    this.#user = user;
    this.#channel = new BroadcastChannel(`outbox ${user}`);
    this.#channel.onmessage = (event) => this.#dispatch(event.data);
    this.addEventListener("upload-canceled", ({ detail }) => this.#uploads.get(detail.key)?.abort());
    addEventListener("online", () => this.#wake());
    document.addEventListener("connection", (event) => event.detail.connected && this.#wake());
  }

  // Sends what an earlier page left.
  async start() {
    for (const { chat } of await this.#all()) this.#send(chat);
  }

  async add(entry) {
    await this.#transact("readwrite", (store) => store.add({ ...entry, user: this.#user, failed: null }));
    this.#announce({ type: "change", chat: entry.chat });
    this.#send(entry.chat);
  }

  async of(chat) {
    return (await this.#all()).filter((entry) => entry.chat === chat);
  }

  async retry(entry) {
    await this.#transact("readwrite", (store) => store.put({ ...entry, failed: null }));
    this.#announce({ type: "change", chat: entry.chat });
    this.#send(entry.chat);
  }

  async discard(entry) {
    await this.#transact("readwrite", (store) => store.delete(entry.at));
    this.#announce({ type: "change", chat: entry.chat });
  }

  // Cancels a message with files; the tab that is uploading it aborts.
  async cancel(entry) {
    await this.discard(entry);
    this.#announce({ type: "upload-canceled", chat: entry.chat, key: entry.key });
  }

  async #all() {
    return (await this.#transact("readonly", (store) => store.getAll())).filter((entry) => entry.user === this.#user);
  }

  #send(chat) {
    this.#unchecked.add(chat);
    if (this.#sending.has(chat)) return;
    this.#sending.add(chat);
    navigator.locks
      .request(`outbox ${this.#user} ${chat}`, () => this.#drain(chat))
      .catch((error) => {
        this.#sending.delete(chat);
        // The page notices by its stream that it is signed out; messages wait here.
        if (!(error instanceof SignedOut)) throw error;
      });
  }

  async #drain(chat) {
    for (let failures = 0; ;) {
      this.#unchecked.delete(chat);
      const entry = (await this.of(chat)).find(({ failed }) => !failed);
      if (!entry && this.#unchecked.has(chat)) continue;
      if (!entry) break;
      const pause = await this.#deliver(entry);
      failures = pause === null ? 0 : failures + 1;
      if (pause !== null)
        await this.#sleep(
          pause || Math.min(5 * SECONDS, (SECONDS / 2) * 2 ** (failures - 1)) * (0.75 + Math.random() / 2),
        );
    }
    this.#sending.delete(chat);
  }

  // Returns null when it is settled, else the ms after which to retry; 0 if the server named no time.
  async #deliver(entry) {
    const abort = new AbortController();
    let response, result;
    this.#uploads.set(entry.key, abort);
    try {
      const send = entry.files.length ? await this.#uploader(entry, abort.signal) : fetch;
      response = await api("POST", "/api/messages", body(entry), { "Idempotency-Key": entry.key }, { send });
      // A proxy may answer with HTML or an empty body.
      result = await response.json().catch(() => null);
    } catch (error) {
      if (error instanceof SignedOut) throw error;
      if (error instanceof Refused) return this.#fail(entry, error.status);
      return abort.signal.aborted ? null : 0;
    } finally {
      this.#uploads.delete(entry.key);
    }
    if (abort.signal.aborted && !response.ok) return null;
    if (response.ok && !result) return 0; // not from this server, or truncated: it may not have arrived
    if (!response.ok && !isRefusal(response.status)) return SECONDS * Number(response.headers.get("Retry-After")) || 0;
    // 410: it was sent before, and deleted since.
    if (!response.ok && response.status !== 410) return this.#fail(entry, response.status, result);
    await this.#transact("readwrite", (store) => store.delete(entry.at));
    this.#announce({ type: "sent", chat: entry.chat, key: entry.key, message: response.ok ? result : null });
    return null;
  }

  // Marks it as failed, with the reason or the status, and goes on with the next.
  async #fail(entry, status, result = null) {
    const failed = reasonOf(result) || String(status);
    await this.#transact("readwrite", (store) => store.put({ ...entry, failed }));
    this.#announce({ type: "change", chat: entry.chat });
    return null;
  }

  async #uploader({ chat, key }, signal) {
    const { upload } = await import("upload");
    return (path, options) =>
      upload(path, { ...options, signal }, (sent, total) =>
        this.#announce({ type: "progress", chat, key, sent, total }),
      );
  }

  async #sleep(pause) {
    await new Promise((resolve) => {
      this.#wakers.add(resolve);
      setTimeout(resolve, pause);
    });
    this.#wakers.clear();
  }

  #wake() {
    for (const resolve of this.#wakers) resolve();
  }

  #announce(event) {
    this.#channel.postMessage(event);
    this.#dispatch(event);
  }

  #dispatch(event) {
    this.dispatchEvent(new CustomEvent(event.type, { detail: event }));
  }

  async #transact(mode, run) {
    const database = await (this.#database ??= openDatabase());
    return new Promise((resolve, reject) => {
      const transaction = database.transaction("outbox", mode, { durability: "strict" });
      const request = run(transaction.objectStore("outbox"));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("flask-chat", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("outbox", { keyPath: "at", autoIncrement: true });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function body(entry) {
  const fields = { chat_id: entry.chat, text: entry.text };
  if (entry.replyTo) fields.reply_to = entry.replyTo;
  if (entry.draft) fields.draft = entry.draft;
  if (!entry.files.length) return fields;
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  for (const file of entry.files) form.append("files", file, file.name);
  return form;
}

const outboxes = new Map();

export function outboxOf(user) {
  if (!outboxes.has(user)) outboxes.set(user, new Outbox(user));
  return outboxes.get(user);
}
