// <live-stream user cursor>: dispatches what happens on the server as events of the document, named as in the stream
// ("message.created" and so on; "reset" if events were missed), and "connection" with {connected}.
//
// One tab of a browser holds the stream (Web Locks) and forwards its events to the others (BroadcastChannel); when it
// closes, the next one continues from the last cursor. A page starts at the cursor of the moment it was rendered, so
// that no event is lost between page and stream; a tab with an earlier cursor asks the stream to go back.
import { outboxOf } from "outbox";

// Tabs that were opened before an update don't understand these; a new number keeps them apart.
const FORMAT = 2;
const LASTING = /^(message|chat|member|membership)\.|^(read|draft)$/;
const SILENCE_MAX = 25_000; // ms; a comment comes every 15 s
const STALE = 17_000; // ms of silence after which the connection is renewed when somebody comes back to the page
const TICK = 1000;
const LEADER_TIMEOUT = 700; // ms in which the leading tab must answer
const RETRY_MIN = 500;
const RETRY_MAX = 5000;
const GRACE = 1000; // ms; a shorter break is not shown
const OFFLINE_SHOWN = 8000;
const DISPATCHED_MAX = 5000;

class LiveStream extends HTMLElement {
  #user = this.getAttribute("user");
  #cursor = this.getAttribute("cursor");
  #isBehind = !this.#cursor; // reloads once connected
  #dispatched = new Set(); // cursors of persistent events that were dispatched
  #channel = null;
  #joined = null; // aborts this tab's lock and stream
  #reading = null; // aborts the current stream
  #isLeader = false;
  #receivedAt = Date.now();
  #tickedAt = Date.now();
  #tickTimer = 0;
  #connected = false;
  #online = new Set();
  #retryAfter = 0; // ms, as the server asked
  #endSleep = null;
  #statusTimer = 0;

  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const on = (target, type, handler) => target.addEventListener(type, handler, { signal: this.#listening.signal });
    on(window, "pagehide", () => this.#leave());
    on(window, "pageshow", () => this.#join());
    on(window, "online", () => this.#reconnect());
    on(window, "offline", () => this.#reading?.abort());
    on(document, "unreachable", () => this.#showOffline());
    on(document, "visibilitychange", () => this.#onVisibilityChange(document.visibilityState === "visible"));
    on(document, "resume", () => this.#wake());
    this.#tickTimer = setInterval(() => this.#tick(), TICK);
    setCookies();
    this.#join();
    outboxOf(Number(this.#user))
      .start()
      .catch(() => {}); // without IndexedDB nothing is waiting
  }

  disconnectedCallback() {
    this.#listening.abort();
    clearInterval(this.#tickTimer);
    this.#leave();
  }

  // The ids of users who are online.
  get online() {
    return this.#online;
  }

  // Whether this tab holds the stream.
  get isLeader() {
    return this.#isLeader;
  }

  #join() {
    // Over plain HTTP there are no locks: each visible tab has a stream of its own (browsers open at most six
    // connections to a server).
    if (this.#joined || (!navigator.locks && document.visibilityState !== "visible")) return;
    this.#joined = new AbortController();
    this.#channel = new BroadcastChannel(`live ${FORMAT}`);
    this.#channel.onmessage = (event) => this.#onMessage(event.data);
    this.#broadcast({ type: "joins", cursor: this.#cursor });
    this.#showStatus();
    this.#requestLock({ signal: this.#joined.signal });
  }

  #requestLock(options) {
    const { signal } = this.#joined;
    if (!navigator.locks) return void this.#keepReading(signal);
    navigator.locks
      .request(`live ${FORMAT} ${this.#user}`, options, () => signal.aborted || this.#keepReading(signal))
      .catch(() => this.#onLockStolen(signal));
  }

  // Another tab took the stream over, since this one did not answer.
  #onLockStolen(signal) {
    if (signal.aborted || !this.#isLeader) return;
    this.#leave();
    this.#join();
  }

  #onVisibilityChange(isVisible) {
    if (navigator.locks) return isVisible && this.#wake();
    if (isVisible) this.#join();
    else this.#leave();
  }

  // The page is visible again: its connection may have died, or it may wait for a tab that is asleep.
  #wake() {
    if (this.#isLeader) return this.#reconnect(Date.now() - this.#receivedAt > STALE);
    const askedAt = Date.now();
    this.#broadcast({ type: "joins", cursor: this.#cursor });
    setTimeout(
      () => !this.#isLeader && this.#joined && this.#receivedAt < askedAt && this.#requestLock({ steal: true }),
      LEADER_TIMEOUT,
    );
  }

  // A tick that is late by seconds means that the machine slept.
  #tick() {
    const slept = Date.now() - this.#tickedAt > 5 * TICK;
    this.#tickedAt = Date.now();
    if (slept && document.visibilityState === "visible") this.#wake();
  }

  // A page in the back/forward cache must hold no lock or connection.
  #leave() {
    this.#joined?.abort();
    this.#joined = null;
    this.#reading?.abort();
    this.#channel?.close();
    this.#channel = null;
    this.#connected = this.#isLeader = false;
  }

  // Between tabs

  #broadcast(message) {
    this.#channel?.postMessage({ ...message, user: this.#user });
  }

  #onMessage(message) {
    if (message.user !== this.#user) {
      // Another user signed in in another tab: this page is no longer valid.
      if (message.type === "joins") location.reload();
    } else if (message.type === "joins" && this.#isLeader) this.#onJoin(message.cursor);
    else if (this.#isLeader || message.type === "joins") return;
    else {
      this.#receivedAt = Date.now();
      if (message.type === "events") message.events.forEach((event) => this.#dispatch(event));
      else if (message.type === "connection") this.#setConnected(message.connected);
    }
  }

  #onJoin(cursor) {
    if (cursor && cursor !== this.#cursor) {
      this.#cursor = cursor;
      this.#reconnect(true);
    } else {
      this.#broadcast({ type: "connection", connected: this.#connected });
      const events = [...this.#online].map((user_id) => ({ event: "presence", data: { user_id, online: true } }));
      this.#broadcast({ type: "events", events });
    }
  }

  // The stream

  async #keepReading(signal) {
    this.#isLeader = true;
    for (let failures = 0; !signal.aborted;) {
      const received = await this.#readStream();
      this.#setConnected(false);
      if (signal.aborted) return;
      failures = received ? 0 : failures + 1;
      const pause = failures ? Math.min(RETRY_MAX, RETRY_MIN * 2 ** (failures - 1)) : this.#retryAfter || RETRY_MIN;
      await this.#sleep(this.#retryAfter > pause ? this.#retryAfter : pause * (0.75 + Math.random() / 2));
    }
  }

  // Returns whether anything was received.
  async #readStream() {
    const reading = (this.#reading = new AbortController());
    let silence = setTimeout(() => reading.abort(), SILENCE_MAX);
    let received = false;
    this.#retryAfter = 0;
    try {
      const query = this.#cursor ? `?${new URLSearchParams({ last_event_id: this.#cursor })}` : "";
      const response = await fetch(`/api/events${query}`, {
        headers: { Accept: "text/event-stream" },
        cache: "no-store",
        signal: reading.signal,
      });
      if (response.status === 401) this.#signedOut();
      if (!response.ok) {
        this.#retryAfter = 1000 * Number(response.headers.get("Retry-After")) || 0;
        return false;
      }
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ;) {
        const { done, value } = await reader.read();
        if (done) return received;
        clearTimeout(silence);
        this.#receivedAt = Date.now();
        silence = setTimeout(() => reading.abort(), SILENCE_MAX);
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        const events = blocks.map((block) => this.#parse(block)).filter(Boolean);
        if (events.length) this.#receive(events);
        received ||= events.length > 0;
      }
    } catch {
      return received; // the connection broke or was aborted
    } finally {
      clearTimeout(silence);
      reading.abort();
    }
  }

  // The part of https://html.spec.whatwg.org/multipage/server-sent-events.html that this server uses.
  #parse(block) {
    const fields = {};
    for (const line of block.split("\n")) {
      const at = line.indexOf(":");
      if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1).trimStart();
    }
    if (fields.retry) this.#retryAfter = Number(fields.retry);
    return fields.event && { event: fields.event, id: fields.id, data: JSON.parse(fields.data) };
  }

  // Events that came together go on together, so that the pages lay them out together.
  #receive(events) {
    this.#broadcast({ type: "events", events });
    for (const event of events) {
      this.#cursor = event.id;
      this.#dispatch(event);
    }
    if (!this.#connected) this.#setConnected(true);
  }

  #sleep(pause) {
    return new Promise((resolve) => {
      this.#endSleep = resolve;
      setTimeout(resolve, pause);
    });
  }

  // Connect now, whatever the network was like before.
  #reconnect(isForced = false) {
    if (isForced) this.#reading?.abort();
    this.#endSleep?.();
    if (isForced) setTimeout(() => this.#endSleep?.(), 0);
  }

  // On the page

  #dispatch({ event, id, data }) {
    if (LASTING.test(event)) {
      if (this.#dispatched.has(id)) return;
      this.#dispatched.add(id);
      if (this.#dispatched.size > DISPATCHED_MAX) this.#dispatched.delete(this.#dispatched.values().next().value);
    }
    if (id) this.#cursor = id;
    if (event === "hello") this.#online.clear();
    if (event === "presence") this.#online[data.online ? "add" : "delete"](data.user_id);
    if (event === "hello" && this.#isBehind) event = "reset";
    if (event === "reset") this.#isBehind = false;
    this.#emit(event, data);
  }

  #setConnected(connected) {
    if (this.#isLeader) this.#broadcast({ type: "connection", connected });
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#showStatus();
    this.#emit("connection", { connected });
  }

  #showStatus() {
    clearTimeout(this.#statusTimer);
    this.#statusText.textContent = this.getAttribute(navigator.onLine ? "away" : "offline");
    if (this.#connected) this.hidden = true;
    else this.#statusTimer = setTimeout(() => (this.hidden = false), GRACE);
  }

  // A navigation failed.
  #showOffline() {
    clearTimeout(this.#statusTimer);
    this.#statusText.textContent = this.getAttribute("offline");
    this.hidden = false;
    if (this.#connected) this.#statusTimer = setTimeout(() => this.#showStatus(), OFFLINE_SHOWN);
  }

  get #statusText() {
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
function setCookies() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const attributes = `Path=/; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
  document.cookie = `scripts=on; ${attributes}`;
  if (timeZone) document.cookie = `time_zone=${timeZone}; Max-Age=31536000; ${attributes}`;
}

customElements.define("live-stream", LiveStream);
