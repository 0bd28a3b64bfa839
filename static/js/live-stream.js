// <live-stream user cursor>: dispatches what happens on the server as events of the document, named as in the stream
// ("message.created" and so on; "reset" if events were missed), and "connection" with {connected}.
//
// One tab of a browser holds the stream (Web Locks) and forwards its events to the others (BroadcastChannel); when it
// closes, the next one continues from the last cursor. A page starts at the cursor of the moment it was rendered, so
// that no event is lost between page and stream; a tab with an earlier cursor asks the stream to go back.
import { outboxOf } from "outbox";

const LASTING = /^(message|chat|member|membership)\.|^(read|draft)$/;
const SILENCE = 25_000; // ms; a comment comes every 15 s
const STALE = 17_000; // ms of silence after which the connection is renewed when somebody comes back to the page
const TICK = 1000;
const ANSWER = 700; // ms in which the leading tab must answer
const SOON = 500;
const LATE = 5000;
const GRACE = 1000; // ms; a shorter break is not shown
const WARNED = 8000;
const REMEMBERED = 5000;

class LiveStream extends HTMLElement {
  #user = this.getAttribute("user");
  #cursor = this.getAttribute("cursor");
  #isBehind = !this.#cursor; // reloads once connected
  #known = new Set(); // cursors of persistent events that were dispatched
  #channel = null;
  #away = null; // aborts this tab's lock and stream
  #reading = null; // aborts the current stream
  #holds = false;
  #heardAt = Date.now();
  #tickedAt = Date.now();
  #clock = 0;
  #connected = false;
  #online = new Set();
  #wait = 0; // ms, as the server asked
  #pause = null;
  #timer = 0;

  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const on = (where, type, act) => where.addEventListener(type, act, { signal: this.#listening.signal });
    on(window, "pagehide", () => this.#leave());
    on(window, "pageshow", () => this.#join());
    on(window, "online", () => this.#hurry());
    on(window, "offline", () => this.#reading?.abort());
    on(document, "unreachable", () => this.#warn());
    on(document, "visibilitychange", () => this.#looked(document.visibilityState === "visible"));
    on(document, "resume", () => this.#wake());
    this.#clock = setInterval(() => this.#tick(), TICK);
    remember();
    this.#join();
    outboxOf(Number(this.#user))
      .start()
      .catch(() => {}); // without IndexedDB nothing is waiting
  }

  disconnectedCallback() {
    this.#listening.abort();
    clearInterval(this.#clock);
    this.#leave();
  }

  // The ids of users who are online.
  get online() {
    return this.#online;
  }

  // Whether this tab holds the stream.
  get leads() {
    return this.#holds;
  }

  #join() {
    // Over plain HTTP there are no locks: each visible tab has a stream of its own (browsers open at most six
    // connections to a server).
    if (this.#away || (!navigator.locks && document.visibilityState !== "visible")) return;
    this.#away = new AbortController();
    this.#channel = new BroadcastChannel("live");
    this.#channel.onmessage = (event) => this.#hear(event.data);
    this.#broadcast({ type: "joins", cursor: this.#cursor });
    this.#show();
    this.#queue({ signal: this.#away.signal });
  }

  #queue(how) {
    const { signal } = this.#away;
    if (!navigator.locks) return void this.#hold(signal);
    navigator.locks
      .request(`live ${this.#user}`, how, () => signal.aborted || this.#hold(signal))
      .catch(() => this.#robbed(signal));
  }

  // Another tab took the stream over, since this one did not answer.
  #robbed(signal) {
    if (signal.aborted || !this.#holds) return;
    this.#leave();
    this.#join();
  }

  #looked(isVisible) {
    if (navigator.locks) return isVisible && this.#wake();
    if (isVisible) this.#join();
    else this.#leave();
  }

  // The page is visible again: its connection may have died, or it may wait for a tab that is asleep.
  #wake() {
    if (this.#holds) return this.#hurry(Date.now() - this.#heardAt > STALE);
    const asked = Date.now();
    this.#broadcast({ type: "joins", cursor: this.#cursor });
    setTimeout(() => !this.#holds && this.#away && this.#heardAt < asked && this.#queue({ steal: true }), ANSWER);
  }

  // A tick that is late by seconds means that the machine slept.
  #tick() {
    const slept = Date.now() - this.#tickedAt > 5 * TICK;
    this.#tickedAt = Date.now();
    if (slept && document.visibilityState === "visible") this.#wake();
  }

  // A page in the back/forward cache must hold no lock or connection.
  #leave() {
    this.#away?.abort();
    this.#away = null;
    this.#reading?.abort();
    this.#channel?.close();
    this.#channel = null;
    this.#connected = this.#holds = false;
  }

  // Between tabs

  #broadcast(words) {
    this.#channel?.postMessage({ ...words, user: this.#user });
  }

  #hear(words) {
    if (words.user !== this.#user) {
      // Another user signed in in another tab: this page is no longer valid.
      if (words.type === "joins") location.reload();
    } else if (words.type === "joins" && this.#holds) this.#welcome(words.cursor);
    else if (this.#holds || words.type === "joins") return;
    else {
      this.#heardAt = Date.now();
      if (words.type === "event") this.#pass(words);
      else if (words.type === "connection") this.#connect(words.connected);
    }
  }

  #welcome(cursor) {
    if (cursor && cursor !== this.#cursor) {
      this.#cursor = cursor;
      this.#hurry(true);
    } else {
      this.#broadcast({ type: "connection", connected: this.#connected });
      for (const user_id of this.#online)
        this.#broadcast({ type: "event", event: "presence", data: { user_id, online: true } });
    }
  }

  // The stream

  async #hold(signal) {
    this.#holds = true;
    for (let failures = 0; !signal.aborted;) {
      const heard = await this.#listen();
      this.#connect(false);
      if (signal.aborted) return;
      failures = heard ? 0 : failures + 1;
      const pause = failures ? Math.min(LATE, SOON * 2 ** (failures - 1)) : this.#wait || SOON;
      await this.#rest(this.#wait > pause ? this.#wait : pause * (0.75 + Math.random() / 2));
    }
  }

  // Returns whether anything was received.
  async #listen() {
    const reading = (this.#reading = new AbortController());
    let silence = setTimeout(() => reading.abort(), SILENCE);
    let heard = false;
    this.#wait = 0;
    try {
      const query = this.#cursor ? `?${new URLSearchParams({ last_event_id: this.#cursor })}` : "";
      const answer = await fetch(`/api/events${query}`, {
        headers: { Accept: "text/event-stream" },
        cache: "no-store",
        signal: reading.signal,
      });
      if (answer.status === 401) this.#signedOut();
      if (!answer.ok) {
        this.#wait = 1000 * Number(answer.headers.get("Retry-After")) || 0;
        return false;
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ;) {
        const { done, value } = await reader.read();
        if (done) return heard;
        clearTimeout(silence);
        this.#heardAt = Date.now();
        silence = setTimeout(() => reading.abort(), SILENCE);
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) heard = this.#take(block) || heard;
      }
    } catch {
      return heard; // the connection broke or was aborted
    } finally {
      clearTimeout(silence);
      reading.abort();
    }
  }

  // The part of https://html.spec.whatwg.org/multipage/server-sent-events.html that this server uses.
  #take(block) {
    const fields = {};
    for (const line of block.split("\n")) {
      const at = line.indexOf(":");
      if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1).trimStart();
    }
    if (fields.retry) this.#wait = Number(fields.retry);
    if (!fields.event) return false;
    this.#cursor = fields.id;
    if (fields.event === "hello") this.#online.clear();
    const message = { type: "event", event: fields.event, id: fields.id, data: JSON.parse(fields.data) };
    this.#broadcast(message);
    this.#pass(message);
    if (!this.#connected) this.#connect(true);
    return true;
  }

  #rest(pause) {
    return new Promise((resolve) => {
      this.#pause = resolve;
      setTimeout(resolve, pause);
    });
  }

  // Connect now, whatever the network was like before.
  #hurry(anyway = false) {
    if (anyway) this.#reading?.abort();
    this.#pause?.();
    if (anyway) setTimeout(() => this.#pause?.(), 0);
  }

  // On the page

  #pass({ event, id, data }) {
    if (LASTING.test(event)) {
      if (this.#known.has(id)) return;
      this.#known.add(id);
      if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.values().next().value);
    }
    if (id) this.#cursor = id;
    if (event === "presence") this.#online[data.online ? "add" : "delete"](data.user_id);
    if (event === "hello" && this.#isBehind) event = "reset";
    if (event === "reset") this.#isBehind = false;
    this.#emit(event, data);
  }

  #connect(connected) {
    if (this.#holds) this.#broadcast({ type: "connection", connected });
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#show();
    this.#emit("connection", { connected });
  }

  #show() {
    clearTimeout(this.#timer);
    this.#words.textContent = this.getAttribute(navigator.onLine ? "away" : "offline");
    if (this.#connected) this.hidden = true;
    else this.#timer = setTimeout(() => (this.hidden = false), GRACE);
  }

  // A navigation failed.
  #warn() {
    clearTimeout(this.#timer);
    this.#words.textContent = this.getAttribute("offline");
    this.hidden = false;
    if (this.#connected) this.#timer = setTimeout(() => this.#show(), WARNED);
  }

  get #words() {
    return this.querySelector("span");
  }

  #signedOut() {
    this.#leave();
    location.reload();
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}

// With this cookie the server leaves it to scripts to report what was read (docs/decisions/0007).
function remember() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const how = `Path=/; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
  document.cookie = `scripts=on; ${how}`;
  if (timeZone) document.cookie = `time_zone=${timeZone}; Max-Age=31536000; ${how}`;
}

customElements.define("live-stream", LiveStream);
