// What the parts of a page ask of the server: the API by the page's own token, and pieces of HTML by the session.

export class SignedOut extends Error {}

const SECONDS = 1000;
const PATIENCE = 30 * SECONDS;
let token = null; // a promise of it, so that all who ask at once share one

// The one place where text becomes nodes: what this server rendered, parsed into a document that runs nothing.
const rendered = globalThis.trustedTypes?.createPolicy("chat", { createHTML: (html) => html }) ?? { createHTML: (html) => html };

// A body that is a form goes out as it is, without a bound: files may take their time.
export async function api(method, path, body, headers = {}) {
  const isForm = body instanceof FormData;
  const ask = async () =>
    fetch(path, {
      method,
      headers: { ...headers, Authorization: `Bearer ${await (token ??= newToken())}`, ...(body && !isForm && { "Content-Type": "application/json" }) },
      body: body && !isForm ? JSON.stringify(body) : body,
      signal: isForm ? undefined : AbortSignal.timeout(PATIENCE),
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

// The first element of a piece of HTML, ready to be moved into the page; null when it is not there or not ours to see.
export async function piece(path) {
  const answer = await fetch(path, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
  if (answer.type === "opaqueredirect") throw new SignedOut();
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  const parsed = new DOMParser().parseFromString(rendered.createHTML(await answer.text()), "text/html");
  return document.adoptNode(parsed.body.firstElementChild);
}

// Runs a task, again while it was asked for again meanwhile; what fails is tried again when the stream is there.
export class Errand {
  #run;
  #isRunning = false;
  #isDue = false;

  constructor(run) {
    this.#run = run;
    document.addEventListener("connection", (event) => event.detail.connected && this.#isDue && this.start());
  }

  async start() {
    this.#isDue = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#isDue) {
        this.#isDue = false;
        await this.#run();
      }
    } catch (error) {
      if (error instanceof SignedOut) return location.reload();
      this.#isDue = true;
      setTimeout(() => this.#isDue && this.start(), 2 * SECONDS);
    } finally {
      this.#isRunning = false;
    }
  }
}
