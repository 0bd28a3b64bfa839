// Requests to this server: the API by the page's own token, HTML by the session.

export class SignedOut extends Error {}

// An answer that a retry would not change, such as a proxy's refusal.
export class Refused extends Error {
  constructor(status) {
    super(`refused: ${status}`);
    this.status = status;
  }
}

const TIMEOUT = 30_000; // ms
let token = null; // a promise, shared by simultaneous requests

// The only place where strings become nodes: HTML from this server, parsed into an inert document.
const trustedHtml = globalThis.trustedTypes?.createPolicy("chat", { createHTML: (html) => html }) ?? {
  createHTML: (html) => html,
};

// Calls the API. FormData is sent as it is and without a timeout, since uploads may take long. `send` replaces `fetch`,
// `signal` the timeout.
export async function api(method, path, body, headers = {}, { send = fetch, signal = null } = {}) {
  const isForm = body instanceof FormData;
  const request = async () =>
    send(path, {
      method,
      headers: {
        ...headers,
        Authorization: `Bearer ${await (token ??= newToken())}`,
        ...(body && !isForm && { "Content-Type": "application/json" }),
      },
      body: body && !isForm ? JSON.stringify(body) : body,
      keepalive: method === "PUT" && !isForm, // drafts are saved when the page closes
      signal: signal ?? (isForm ? undefined : AbortSignal.timeout(TIMEOUT)),
    });
  let response = await request();
  if (response.status === 401) {
    token = null; // expired: it lives for 15 minutes
    response = await request();
  }
  if (response.status === 401) throw new SignedOut();
  return response;
}

async function newToken() {
  try {
    const csrf = document.querySelector("meta[name=csrf-token]").content;
    const response = await fetch("/token", {
      method: "POST",
      headers: { "X-CSRFToken": csrf },
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    // Without a session the answer is a redirect to the login page; with another session the CSRF token is wrong.
    if (response.type === "opaqueredirect" || response.status === 400 || response.status === 401) throw new SignedOut();
    if (isRefusal(response.status)) throw new Refused(response.status);
    if (!response.ok) throw new Error(`a token: ${response.status}`);
    return (await response.json()).token;
  } catch (error) {
    token = null;
    throw error;
  }
}

// Fetches HTML and returns the first element that matches, adopted into this document; null if it is not found.
export async function fetchFragment(path, selector = "body > *") {
  const page = await fetchPage(path);
  return page && document.adoptNode(page.querySelector(selector));
}

// Fetches a page as an inert document; null if it is not found.
export async function fetchPage(path, headers = {}) {
  const response = await fetch(path, { headers, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT) });
  if (response.type === "opaqueredirect") throw new SignedOut();
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new DOMParser().parseFromString(trustedHtml.createHTML(await response.text()), "text/html");
}

// Parses safe HTML of this server; returns its body.
export function parseHtml(html) {
  return new DOMParser().parseFromString(trustedHtml.createHTML(html), "text/html").body;
}

// The text of safe HTML, in one line.
export function plainText(html) {
  return parseHtml(html).textContent.replace(/\s+/g, " ").trim();
}

// Whether a retry would get the same answer: 4xx (RFC 9110, 15.5) but for Request Timeout, Too Early and Too Many
// Requests.
export function isRefusal(status) {
  return status >= 400 && status < 500 && ![408, 425, 429].includes(status);
}

// The reason in a problem+json body, in the reader's language; "" if there is none.
export function reasonOf(problem) {
  return (
    Object.values(problem?.errors ?? {})
      .flat()
      .join(" ") ||
    problem?.detail ||
    ""
  );
}
