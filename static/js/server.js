// What the parts of a page ask of the server (the API by the page's own token, pieces of HTML by the session), and the
// outbox of what they have to tell it. One file, since a page asks for every script by itself.

export class SignedOut extends Error {}

const SECONDS = 1000; // in ms
const PATIENCE = 30 * SECONDS;
let token = null; // a promise of it, so that all who ask at once share one

// The one place where text becomes nodes: what this server rendered, parsed into a document that runs nothing.
const rendered = globalThis.trustedTypes?.createPolicy("chat", { createHTML: (html) => html }) ?? { createHTML: (html) => html };

// A body that is a form goes out as it is, without a bound: files may take their time. `send` takes the place of `fetch`,
// `signal` that of the bound.
export async function api(method, path, body, headers = {}, { send = fetch, signal = null } = {}) {
  const isForm = body instanceof FormData;
  const ask = async () =>
    send(path, {
      method,
      headers: { ...headers, Authorization: `Bearer ${await (token ??= newToken())}`, ...(body && !isForm && { "Content-Type": "application/json" }) },
      body: body && !isForm ? JSON.stringify(body) : body,
      keepalive: method === "PUT" && !isForm, // a page that goes away still saves
      signal: signal ?? (isForm ? undefined : AbortSignal.timeout(PATIENCE)),
    });
  let answer = await ask();
  if (answer.status === 401) {
    token = null; // it lives for 15 minutes
    answer = await ask();
  }
  if (answer.status === 401) throw new SignedOut();
  return answer;
}

async function newToken() {
  try {
    const csrf = document.querySelector("meta[name=csrf-token]").content;
    const answer = await fetch("/token", {
      method: "POST",
      headers: { "X-CSRFToken": csrf },
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE),
    });
    // Without a session one is led to the login page; with another one the page's CSRF token is foreign.
    if (answer.type === "opaqueredirect" || answer.status === 400 || answer.status === 401) throw new SignedOut();
    if (!answer.ok) throw new Error(`a token: ${answer.status}`);
    return (await answer.json()).token;
  } catch (error) {
    token = null;
    throw error;
  }
}

// The first element of a piece of HTML, or of a page what a selector finds, ready to be moved into this one; null when it
// is not there or not ours to see.
export async function piece(path, selector = "body > *") {
  const found = await page(path);
  return found && document.adoptNode(found.querySelector(selector));
}

// A page as a document of its own, of which nothing runs; null as above.
export async function page(path, headers = {}) {
  const answer = await fetch(path, { headers, redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
  if (answer.type === "opaqueredirect") throw new SignedOut();
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return new DOMParser().parseFromString(rendered.createHTML(await answer.text()), "text/html");
}

// The body of what this server wrote as safe HTML.
export function parsed(html) {
  return new DOMParser().parseFromString(rendered.createHTML(html), "text/html").body;
}

// Its words, in one line.
export function plain(html) {
  return parsed(html).textContent.replace(/\s+/g, " ").trim();
}

// Runs a task, again while it was asked for again meanwhile; what fails is tried again when the stream is there.
export class Errand {
  static #waiting = new Set();
  #run;
  #isRunning = false;
  #isDue = false;

  constructor(run) {
    this.#run = run;
  }

  static {
    document.addEventListener("connection", ({ detail }) => {
      if (detail.connected) for (const errand of Errand.#waiting) errand.start();
    });
  }

  async start() {
    this.#isDue = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    Errand.#waiting.delete(this);
    try {
      while (this.#isDue) {
        this.#isDue = false;
        await this.#run();
      }
    } catch (error) {
      if (error instanceof SignedOut) return location.reload();
      Errand.#waiting.add(this);
      setTimeout(() => Errand.#waiting.has(this) && this.start(), 2 * SECONDS);
    } finally {
      this.#isRunning = false;
    }
  }

  // Whoever asked has no use for it any more.
  stop() {
    this.#isDue = false;
    Errand.#waiting.delete(this);
  }
}

// What was written and is not known to have arrived. It lies in the browser's own database, so that it outlives the
// page; each chat's messages go out in the order in which they were written, one at a time, by one tab, and each
// under its own key, by which the server sends it once however often it is repeated.
class Outbox extends EventTarget {
  #user;
  #database = null;
  #channel;
  #sending = new Set(); // chats
  #news = new Set(); // chats with something that the loop may not have seen
  #wakers = new Set();
  #uploads = new Map(); // key -> AbortController

  constructor(user) {
    super();
    this.#user = user;
    this.#channel = new BroadcastChannel(`outbox ${user}`);
    this.#channel.onmessage = (event) => this.#say(event.data);
    this.addEventListener("cut", ({ detail }) => this.#uploads.get(detail.key)?.abort());
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

  // Take back what has files, while these are on their way or wait: the tab that sends it cuts it off.
  async takeBack(entry) {
    await this.discard(entry);
    this.#tell({ type: "cut", chat: entry.chat, key: entry.key });
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
      if (pause !== null) await this.#rest(pause || Math.min(5 * SECONDS, SECONDS / 2 * 2 ** (failures - 1)) * (0.75 + Math.random() / 2));
    }
    this.#sending.delete(chat);
  }

  // Returns null when it is settled, else after how many ms to try again; 0 when nobody said.
  async #deliver(entry) {
    const cut = new AbortController();
    let answer, told;
    this.#uploads.set(entry.key, cut);
    try {
      const send = entry.files.length ? await this.#uploader(entry, cut.signal) : fetch;
      answer = await api("POST", "/api/messages", body(entry), { "Idempotency-Key": entry.key }, { send });
      told = await answer.json();
    } catch (error) {
      if (error instanceof SignedOut) throw error;
      return cut.signal.aborted ? null : 0;
    } finally {
      this.#uploads.delete(entry.key);
    }
    if (cut.signal.aborted && !answer.ok) return null;
    if (answer.status >= 500 || answer.status === 429 || answer.status === 408) return SECONDS * Number(answer.headers.get("Retry-After")) || 0;
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

  async #uploader({ chat, key }, signal) {
    const { upload } = await import("upload");
    return (path, how) => upload(path, { ...how, signal }, (sent, total) => this.#tell({ type: "progress", chat, key, sent, total }));
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
