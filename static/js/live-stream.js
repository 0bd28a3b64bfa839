// <live-stream user cursor>: what happens on the server, as events of the document named as the stream names them
// ("message.created" and so on; "reset" when something was missed), and "connection" with {connected}.
//
// One tab of a browser holds the stream (Web Locks) and passes on to the others what it hears (BroadcastChannel); when
// it closes, the next one goes on from the last cursor. A page brings the cursor of the moment at which it was made, so
// nothing falls between the page and the stream; a tab with an earlier one than the stream's asks it to go back.
import { outboxOf } from "server";

const LASTING = /^(message|chat|member|membership)\.|^(read|draft)$/;
const SILENCE = 25_000; // ms; a comment comes every 15 s
const STALE = 17_000; // after so long without one the connection is not trusted when somebody comes back to it
const TICK = 1000;
const ANSWER = 700; // ms in which the tab that holds the stream answers
const SOON = 500;
const LATE = 5000;
const GRACE = 1000; // a short break is not worth a word
const REMEMBERED = 5000;

class LiveStream extends HTMLElement {
  #user = this.getAttribute("user");
  #cursor = this.getAttribute("cursor");
  #isBehind = !this.#cursor; // loads afresh once connected
  #known = new Set(); // cursors of lasting events that were passed on already
  #channel = null;
  #away = null; // ends this tab's part: aborts the lock and the stream
  #reading = null; // the stream under way
  #holds = false;
  #heardAt = Date.now();
  #tickedAt = Date.now();
  #clock = 0;
  #connected = false;
  #online = new Set();
  #wait = 0; // ms that the server asked for
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
    on(document, "visibilitychange", () => document.visibilityState === "visible" && this.#wake());
    on(document, "resume", () => this.#wake());
    this.#clock = setInterval(() => this.#tick(), TICK);
    remember();
    this.#join();
    outboxOf(Number(this.#user)).start().catch(() => {}); // where there is no database, nothing was left in it
  }

  disconnectedCallback() {
    this.#listening.abort();
    clearInterval(this.#clock);
    this.#leave();
  }

  // The ids of who is there.
  get online() {
    return this.#online;
  }

  // Whether this is the tab that holds the stream.
  get leads() {
    return this.#holds;
  }

  #join() {
    if (this.#away) return;
    this.#away = new AbortController();
    this.#channel = new BroadcastChannel("live");
    this.#channel.onmessage = (event) => this.#hear(event.data);
    this.#say({ type: "joins", cursor: this.#cursor });
    this.#show();
    this.#queue({ signal: this.#away.signal });
  }

  #queue(how) {
    const { signal } = this.#away;
    navigator.locks.request(`live ${this.#user}`, how, () => signal.aborted || this.#hold(signal)).catch(() => this.#robbed(signal));
  }

  // Another tab took the stream over, since this one gave no sign of life.
  #robbed(signal) {
    if (signal.aborted || !this.#holds) return;
    this.#leave();
    this.#join();
  }

  // Somebody is back at this page: what was asleep may hold a connection that died meanwhile, or wait for a tab that sleeps.
  #wake() {
    if (this.#holds) return this.#hurry(Date.now() - this.#heardAt > STALE);
    const asked = Date.now();
    this.#say({ type: "joins", cursor: this.#cursor });
    setTimeout(() => !this.#holds && this.#away && this.#heardAt < asked && this.#queue({ steal: true }), ANSWER);
  }

  // Where a second took five the machine slept.
  #tick() {
    const slept = Date.now() - this.#tickedAt > 5 * TICK;
    this.#tickedAt = Date.now();
    if (slept && document.visibilityState === "visible") this.#wake();
  }

  // A page that the browser keeps in its memory must hold nothing.
  #leave() {
    this.#away?.abort();
    this.#away = null;
    this.#reading?.abort();
    this.#channel?.close();
    this.#channel = null;
    this.#connected = this.#holds = false;
  }

  // Between the tabs

  #say(words) {
    this.#channel?.postMessage({ ...words, user: this.#user });
  }

  #hear(words) {
    if (words.user !== this.#user) {
      // Somebody else signed in meanwhile, in another tab: this page is nobody's any more.
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
      this.#say({ type: "connection", connected: this.#connected });
      for (const user_id of this.#online) this.#say({ type: "event", event: "presence", data: { user_id, online: true } });
    }
  }

  // The stream

  async #hold(signal) {
    this.#holds = true;
    for (let failures = 0; !signal.aborted; ) {
      const heard = await this.#listen();
      this.#connect(false);
      if (signal.aborted) return;
      failures = heard ? 0 : failures + 1;
      const pause = failures ? Math.min(LATE, SOON * 2 ** (failures - 1)) : this.#wait || SOON;
      await this.#rest(this.#wait > pause ? this.#wait : pause * (0.75 + Math.random() / 2));
    }
  }

  // Returns whether anything was heard.
  async #listen() {
    const reading = (this.#reading = new AbortController());
    let silence = setTimeout(() => reading.abort(), SILENCE);
    let heard = false;
    this.#wait = 0;
    try {
      const query = this.#cursor ? `?${new URLSearchParams({ last_event_id: this.#cursor })}` : "";
      const answer = await fetch(`/api/events${query}`, { headers: { Accept: "text/event-stream" }, cache: "no-store", signal: reading.signal });
      if (answer.status === 401) this.#signedOut();
      if (!answer.ok) {
        this.#wait = 1000 * Number(answer.headers.get("Retry-After")) || 0;
        return false;
      }
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ; ) {
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
      return heard; // the connection broke, or was given up
    } finally {
      clearTimeout(silence);
      reading.abort();
    }
  }

  // https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as this server uses it.
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
    const told = { type: "event", event: fields.event, id: fields.id, data: JSON.parse(fields.data) };
    this.#say(told);
    this.#pass(told);
    if (!this.#connected) this.#connect(true);
    return true;
  }

  #rest(pause) {
    return new Promise((resolve) => {
      this.#pause = resolve;
      setTimeout(resolve, pause);
    });
  }

  // Connect now: what the network was like before does not count any more.
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
    if (this.#holds) this.#say({ type: "connection", connected });
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#show();
    this.#emit("connection", { connected });
  }

  #show() {
    clearTimeout(this.#timer);
    if (this.#connected) this.hidden = true;
    else this.#timer = setTimeout(() => (this.hidden = false), GRACE);
  }

  #signedOut() {
    this.#leave();
    location.reload();
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }
}

// The server leaves it to this page to say what was read (docs/decisions/0007), and says times as they are here.
function remember() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const how = `Path=/; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
  document.cookie = `scripts=on; ${how}`;
  if (timeZone) document.cookie = `time_zone=${timeZone}; Max-Age=31536000; ${how}`;
}

customElements.define("live-stream", LiveStream);
