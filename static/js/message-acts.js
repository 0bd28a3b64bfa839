// What a person does with a message of the log where it stands, loaded when it is done for the first time: each act is
// named by the `data-act` of its link or button, and gets that and the <chat-log> around it; `back` is the link when a
// person at the keyboard came from it. Without scripts the control leads to a page that does the same.
import { api, SignedOut } from "server";
import { offerUndo, say } from "undo-toast";

// The same question as on its page.
async function remove(link, log, back) {
  const row = link.closest("article");
  const id = messageOf(link);
  const dialog = log.querySelector("template.deleting").content.cloneNode(true).firstElementChild;
  const said = row.querySelector(".prose")?.innerText.trim() || (row.querySelector(".attachments img")?.alt ?? row.querySelector(".file b")?.textContent);
  dialog.querySelector(".quote b").textContent = row.querySelector(".message-author").textContent;
  dialog.querySelector(".quote span").textContent = said ?? "";
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.value === "cancel") dialog.close();
    else take(dialog, log, id);
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    const stays = article(id);
    // The link is drawn anew with its row.
    if (dialog.returnValue === "deleted") focusField();
    else if (back) stays?.querySelector(`a[href="${CSS.escape(link.getAttribute("href"))}"]`)?.focus();
    else focusField();
  });
  document.body.append(dialog);
  dialog.showModal();
}

export { remove as delete };

async function take(dialog, log, id) {
  const [wrong, button] = [dialog.querySelector(".error"), dialog.querySelector(".is-final")];
  button.disabled = true;
  try {
    const answer = await api("DELETE", `/api/messages/${id}`);
    // What somebody else has deleted by now is as gone.
    if (!answer.ok && answer.status !== 404) throw new Error(`to delete: ${answer.status}`);
    dialog.close("deleted");
    document.dispatchEvent(new CustomEvent("message.deleted", { detail: { id, chat_id: Number(log.getAttribute("chat")) } }));
    if (answer.ok) offerUndo(id);
  } catch (error) {
    if (error instanceof SignedOut) return location.reload();
    wrong.hidden = false;
    button.disabled = false;
  }
}

// To what a message answers, and a way back to the answer. The address takes the place, so that `:target` shows it.
export function jump(link, log) {
  goTo(log, link.hash);
  log.parentElement.querySelector(":scope > .way-back")?.remove();
  const way = log.querySelector("template.way-back").content.cloneNode(true).firstElementChild;
  way.href = `#${link.closest("article").id}`;
  way.addEventListener("click", (event) => {
    event.preventDefault();
    goTo(log, way.hash);
    way.remove();
  });
  log.after(way);
}

function goTo(log, hash) {
  const place = document.querySelector(hash);
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  log.style.scrollBehavior = isStill ? "auto" : "smooth";
  // The same place again is no navigation.
  if (location.hash === hash) place.scrollIntoView();
  else location.hash = hash;
  log.style.scrollBehavior = "";
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
}

function focusField() {
  const isTouch = matchMedia("(hover: none) and (pointer: coarse)").matches;
  // A field with the focus would bring the keyboard up.
  document.querySelector(isTouch ? "chat-log" : "chat-composer textarea")?.focus();
}

// The way back: the log learns from the stream where reading stands now.
export async function unread(button, log) {
  const chat = Number(log.getAttribute("chat"));
  await log.holds(true);
  const done = await act(log, "POST", `/api/chats/${chat}/unread`, { message_id: Number(button.value) });
  if (!done) await log.holds(false);
}

export async function history(link, log) {
  const { openPage } = await import("page-dialog");
  await openPage(link, part(log, "dialog"));
}

export async function forward(link, log) {
  const { openPage } = await import("page-dialog");
  const dialog = await openPage(link, part(log, "dialog"));
  const form = dialog?.querySelector("form");
  if (!form) return;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { chat, text, key } = form.elements;
    const body = { chat_id: Number(chat.value), text: text.value };
    const button = form.querySelector("button.is-primary");
    button.disabled = true;
    const copy = await act(log, "POST", `/api/messages/${form.dataset.message}/forward`, body, { "Idempotency-Key": key.value });
    button.disabled = false;
    if (!copy) return;
    const title = form.querySelector("label:has(:checked) > span:last-child").textContent;
    dialog.close();
    const { forwarded, open } = textsOf(log);
    say(forwarded.replace("{title}", title), copy.chat_id === Number(log.getAttribute("chat")) ? null : [`/chats/${copy.chat_id}`, open]);
  });
}

// Asking, and finding

// The answer's object ({} where it has none), or null when it did not work, which is said.
export async function act(log, method, path, body, headers) {
  try {
    const answer = await api(method, path, body, headers);
    if (answer.ok) return answer.status === 204 ? {} : await answer.json();
  } catch {
    // The network is away; a page that is signed out notices by its stream.
  }
  say(textsOf(log).failed);
  return null;
}

function textsOf(log) {
  return log.querySelector("template.acting").dataset;
}

// A piece that the page has ready.
export function part(log, selector) {
  return log.querySelector("template.acting").content.querySelector(selector).cloneNode(true);
}

export function messageOf(control) {
  return Number(control.closest("article").id.slice("message-".length));
}

export function article(id) {
  return document.getElementById(`message-${id}`);
}
