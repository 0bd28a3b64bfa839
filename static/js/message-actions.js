// What is done with a message where it stands: edit, delete, jump to what it answers. <chat-log> loads this with the first
// of them. `back` is what a person at the keyboard came from.
import { api, SignedOut } from "server";

export async function edit(log, row, link, back) {
  try {
    const [{ open }, answer] = await Promise.all([import("message-editor"), api("GET", `/api/messages/${idOf(row)}`)]);
    if (!answer.ok) throw new Error(`a message to edit: ${answer.status}`);
    open(row, await answer.json(), back);
  } catch (error) {
    document.dispatchEvent(new CustomEvent("editing", { detail: { on: false } }));
    throw error;
  }
}

// The same question as on its page.
async function remove(log, row, link, back) {
  const dialog = log.querySelector("template.deleting").content.cloneNode(true).firstElementChild;
  const said = row.querySelector(".prose")?.innerText.trim() || (row.querySelector(".attachments img")?.alt ?? row.querySelector(".file b")?.textContent);
  dialog.querySelector(".quote b").textContent = row.querySelector(".message-author").textContent;
  dialog.querySelector(".quote span").textContent = said ?? "";
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter?.value === "cancel") dialog.close();
    else take(dialog, log, idOf(row));
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    const stays = article(idOf(row));
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
    if (answer.ok) (await import("undo-toast")).offer(id);
  } catch (error) {
    if (error instanceof SignedOut) return location.reload();
    wrong.hidden = false;
    button.disabled = false;
  }
}

// To what a message answers, and a way back to the answer. The address takes the place, so that `:target` shows it.
export function jump(log, row, link) {
  goTo(log, link.hash);
  log.parentElement.querySelector(":scope > .way-back")?.remove();
  const way = log.querySelector("template.way-back").content.cloneNode(true).firstElementChild;
  way.href = `#${row.id}`;
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

function article(id) {
  return document.getElementById(`message-${id}`);
}

function idOf(row) {
  return Number(row.id.split("-").at(-1));
}
