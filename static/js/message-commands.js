// The actions on a message, loaded on first use. A function is named by the `data-action` of its control and gets the
// control and its <message-list>; `back` is the control if it was used by keyboard, to return the focus to. Without
// scripts the control leads to a page that does the same.
import { showModal } from "navigation";
import { api, SignedOut } from "server";
import { offerUndo, showToast } from "undo-toast";

// Asks for confirmation, as its page does.
async function remove(link, messageList, back) {
  const row = link.closest("article");
  const id = messageOf(link);
  const dialog = messageList.querySelector("template.deleting").content.cloneNode(true).firstElementChild;
  const text =
    row.querySelector(".prose")?.innerText.trim() ||
    (row.querySelector(".attachments img")?.alt ?? row.querySelector(".file b")?.textContent);
  dialog.querySelector(".quote b").textContent = row.querySelector(".message-author").textContent;
  dialog.querySelector(".quote span").textContent = text ?? "";
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.value === "cancel") dialog.close();
    else confirmRemoval(dialog, messageList, id);
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    const remaining = article(id);
    // The row, and the link in it, may have been replaced.
    if (dialog.returnValue === "deleted") focusField();
    else if (back) remaining?.querySelector(`a[href="${CSS.escape(link.getAttribute("href"))}"]`)?.focus();
    else focusField();
  });
  document.body.append(dialog);
  showModal(dialog);
}

export { remove as delete };

async function confirmRemoval(dialog, messageList, id) {
  const [errorLine, button] = [dialog.querySelector(".error"), dialog.querySelector(".is-final")];
  button.disabled = true;
  try {
    const response = await api("DELETE", `/api/messages/${id}`);
    // 404: somebody else deleted it meanwhile.
    if (!response.ok && response.status !== 404) throw new Error(`to delete: ${response.status}`);
    dialog.close("deleted");
    document.dispatchEvent(new CustomEvent("message-removed", { detail: { id } }));
    if (response.ok) offerUndo(id);
  } catch (error) {
    if (error instanceof SignedOut) return location.reload();
    errorLine.hidden = false;
    button.disabled = false;
  }
}

// Scrolls to the quoted message and offers a way back. Sets the fragment, so that `:target` highlights it.
export function jump(link, messageList) {
  goTo(messageList, link.hash);
  messageList.parentElement.querySelector(":scope > .way-back")?.remove();
  const wayBack = messageList.querySelector("template.way-back").content.cloneNode(true).firstElementChild;
  wayBack.href = `#${link.closest("article").id}`;
  wayBack.addEventListener("click", (event) => {
    event.preventDefault();
    goTo(messageList, wayBack.hash);
    wayBack.remove();
  });
  messageList.after(wayBack);
}

function goTo(messageList, hash) {
  const place = document.querySelector(hash);
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  messageList.style.scrollBehavior = isStill ? "auto" : "smooth";
  // The same fragment again is no navigation.
  if (location.hash === hash) place.scrollIntoView();
  else location.hash = hash;
  messageList.style.scrollBehavior = "";
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
}

function focusField() {
  const isTouch = matchMedia("(hover: none) and (pointer: coarse)").matches;
  // Focusing the field would open the on-screen keyboard.
  document.querySelector(isTouch ? "message-list" : "chat-composer textarea")?.focus();
}

// Marks as unread; the list is told by the stream.
export async function unread(button, messageList) {
  const chat = Number(messageList.getAttribute("chat"));
  await messageList.pauseReading(true);
  const done = await request(messageList, "POST", `/api/chats/${chat}/unread`, { message_id: Number(button.value) });
  if (!done) await messageList.pauseReading(false);
}

export async function history(link, messageList) {
  const { openPage } = await import("page-dialog");
  await openPage(link, part(messageList, "dialog"));
}

export async function forward(link, messageList) {
  const { openPage } = await import("page-dialog");
  const dialog = await openPage(link, part(messageList, "dialog"));
  const form = dialog?.querySelector("form");
  if (!form) return;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { chat, text, key } = form.elements;
    const body = { chat_id: Number(chat.value), text: text.value };
    const button = form.querySelector("button.is-primary");
    button.disabled = true;
    const copy = await request(messageList, "POST", `/api/messages/${form.dataset.message}/forward`, body, {
      "Idempotency-Key": key.value,
    });
    button.disabled = false;
    if (!copy) return;
    const title = form.querySelector("label:has(:checked) > span:last-child").textContent;
    dialog.close();
    const { forwarded, open } = textsOf(messageList);
    showToast(
      forwarded.replace("{title}", title),
      copy.chat_id === Number(messageList.getAttribute("chat")) ? null : [`/chats/${copy.chat_id}`, open],
    );
  });
}

// Helpers

// Returns the response's JSON ({} if it has none), or null on failure, which is shown.
export async function request(messageList, method, path, body, headers) {
  try {
    const response = await api(method, path, body, headers);
    if (response.ok) return response.status === 204 ? {} : await response.json();
  } catch {
    // Offline; a page that is signed out notices by its stream.
  }
  showToast(textsOf(messageList).failed);
  return null;
}

function textsOf(messageList) {
  return messageList.querySelector("template.message-templates").dataset;
}

// Clones an element of the page's templates.
export function part(messageList, selector) {
  return messageList.querySelector("template.message-templates").content.querySelector(selector).cloneNode(true);
}

export function messageOf(control) {
  return Number(control.closest("article").id.slice("message-".length));
}

export function article(id) {
  return document.getElementById(`message-${id}`);
}
