// What was written and is not known to have arrived. It lies in the browser's own database, so that it outlives the
// page; each chat's messages go out in the order in which they were written, one at a time, by one tab, and each
// under its own key, by which the server sends it once however often it is repeated.
import { api, SignedOut } from "server";

const SOON = 500; // ms
const LATE = 5000;

class Outbox extends EventTarget {
  #user;
  #database = null;
  #channel;
  #sending = new Set(); // chats
  #news = new Set(); // chats with something that the loop may not have seen
  #wakers = new Set();

  constructor(user) {
    super();
    this.#user = user;
    this.#channel = new BroadcastChannel(`outbox ${user}`);
    this.#channel.onmessage = (event) => this.#say(event.data);
    addEventListener("online", () => this.#wake());
    document.addEventListener("connection", (event) => event.detail.connected && this.#wake());
  }

  // Send what a page before this one left.
  async start() {
    for (const { chat } of await this.#all()) this.#send(chat);
  }

  async add(entry) {
    await this.#do("readwrite", (store) => store.add({ ...entry, user: this.#user, failed: null }));
    this.#tell({ type: "change", chat: entry.chat });
    this.#send(entry.chat);
  }

  async of(chat) {
    return (await this.#all()).filter((entry) => entry.chat === chat);
  }

  async retry(entry) {
    await this.#do("readwrite", (store) => store.put({ ...entry, failed: null }));
    this.#tell({ type: "change", chat: entry.chat });
    this.#send(entry.chat);
  }

  async discard(entry) {
    await this.#do("readwrite", (store) => store.delete(entry.at));
    this.#tell({ type: "change", chat: entry.chat });
  }

  async #all() {
    return (await this.#do("readonly", (store) => store.getAll())).filter((entry) => entry.user === this.#user);
  }

  #send(chat) {
    this.#news.add(chat);
    if (this.#sending.has(chat)) return;
    this.#sending.add(chat);
    navigator.locks
      .request(`outbox ${this.#user} ${chat}`, () => this.#empty(chat))
      .catch((error) => {
        this.#sending.delete(chat);
        // The page notices by its stream that it is signed out; what is written waits here.
        if (!(error instanceof SignedOut)) throw error;
      });
  }

  async #empty(chat) {
    for (let failures = 0; ; ) {
      this.#news.delete(chat);
      const entry = (await this.of(chat)).find(({ failed }) => !failed);
      if (!entry && this.#news.has(chat)) continue;
      if (!entry) break;
      const pause = await this.#deliver(entry);
      failures = pause === null ? 0 : failures + 1;
      if (pause !== null) await this.#rest(pause || Math.min(LATE, SOON * 2 ** (failures - 1)) * (0.75 + Math.random() / 2));
    }
    this.#sending.delete(chat);
  }

  // Returns null when it is settled, else after how many ms to try again; 0 when nobody said.
  async #deliver(entry) {
    let answer, told;
    try {
      answer = await api("POST", "/api/messages", body(entry), { "Idempotency-Key": entry.key });
      told = await answer.json();
    } catch (error) {
      if (error instanceof SignedOut) throw error;
      return 0;
    }
    if (answer.status >= 500 || answer.status === 429 || answer.status === 408) return 1000 * Number(answer.headers.get("Retry-After")) || 0;
    if (answer.ok || answer.status === 410) {
      await this.#do("readwrite", (store) => store.delete(entry.at));
      this.#tell({ type: "sent", chat: entry.chat, key: entry.key, message: told.id ?? 0 });
    } else {
      const failed = Object.values(told.errors ?? {}).flat().join(" ") || told.detail || String(answer.status);
      await this.#do("readwrite", (store) => store.put({ ...entry, failed }));
      this.#tell({ type: "change", chat: entry.chat });
    }
    return null;
  }

  async #rest(pause) {
    await new Promise((resolve) => {
      this.#wakers.add(resolve);
      setTimeout(resolve, pause);
    });
    this.#wakers.clear();
  }

  #wake() {
    for (const resolve of this.#wakers) resolve();
  }

  #tell(news) {
    this.#channel.postMessage(news);
    this.#say(news);
  }

  #say(news) {
    this.dispatchEvent(new CustomEvent(news.type, { detail: news }));
  }

  async #do(mode, act) {
    const database = await (this.#database ??= opened());
    return new Promise((resolve, reject) => {
      const transaction = database.transaction("outbox", mode, { durability: "strict" });
      const request = act(transaction.objectStore("outbox"));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("flask-chat", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("outbox", { keyPath: "at", autoIncrement: true });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function body(entry) {
  const reply = entry.replyTo ? { reply_to: entry.replyTo } : {};
  if (!entry.files.length) return { chat_id: entry.chat, text: entry.text, ...reply };
  const form = new FormData();
  for (const [name, value] of Object.entries({ chat_id: entry.chat, text: entry.text, ...reply })) form.append(name, value);
  for (const file of entry.files) form.append("files", file, file.name);
  return form;
}

const outboxes = new Map();

export function outboxOf(user) {
  if (!outboxes.has(user)) outboxes.set(user, new Outbox(user));
  return outboxes.get(user);
}
