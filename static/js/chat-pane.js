// The pane around a <message-list>: its heading, and what takes its place when the chat is gone for the reader.
import { fetchFragment } from "server";
import { updateInPlace } from "update-in-place";

const NAMED = 8;

// After events were missed.
export async function refreshHeading(list, chat) {
  const heading = await fetchFragment(`/chats/${chat}/heading`);
  if (!heading) return;
  updateInPlace(headingOf(list), heading);
  nameChat(list);
}

// Shows a chat's title and description.
export function showChat(list, { title, description }) {
  const heading = headingOf(list);
  const about = heading.querySelector(".chat-description");
  heading.querySelector("h1").textContent = title;
  about.textContent = about.title = description;
  nameChat(list);
}

// Shows who is in the chat. Whoever left a direct chat has closed their account.
export function showMembers(list, { member_count, people }, isLeft) {
  const heading = headingOf(list);
  const { more, alone, gone, nobody } = heading.dataset;
  const names = people.slice(0, NAMED).map(({ label }) => label);
  const others = member_count - names.length;
  const shown = others > 0 ? more?.replace("{names}", names.join(", ")).replace("{number}", others) : names.join(", ");
  if (more) membersText(heading).data = member_count === 1 ? alone : shown;
  else if (isLeft) {
    membersText(heading).data = gone;
    heading.querySelector("h1").textContent = nobody;
  }
}

function headingOf(list) {
  return list.closest(".pane").querySelector(".pane-title > div:has(h1)");
}

// The text before who is online.
function membersText(heading) {
  const line = heading.querySelector("p");
  if (line.firstChild.nodeType !== Node.TEXT_NODE) line.prepend("");
  return line.firstChild;
}

// Where else the title is.
function nameChat(list) {
  const pane = list.closest(".pane");
  const title = pane.querySelector("h1").textContent;
  for (const field of pane.querySelectorAll("[data-placeholder]"))
    field.placeholder = field.dataset.placeholder.replace("{title}", title);
  for (const line of pane.querySelectorAll("[data-text-with-title]"))
    line.textContent = line.dataset.textWithTitle.replace("{title}", title);
}

// Replaces the messages by the news that the chat is gone, with the unsent text to copy.
export function showGone(list, chat, outbox) {
  const composer = list.parentElement.querySelector("chat-composer");
  const hadFocus = composer?.contains(document.activeElement) || list.contains(document.activeElement);
  const unsent = composer?.querySelector("textarea").value ?? "";
  composer?.remove();
  list.parentElement.querySelector("jump-links")?.remove();
  for (const link of list.closest(".pane").querySelectorAll(".pane-title > a:not(.back)")) link.remove();
  const news = list.querySelector("template.gone").content.cloneNode(true);
  const column = list.querySelector(".message-column");
  column.replaceChildren(news);
  if (hadFocus) column.querySelector("a").focus();
  offerUnsent(column.querySelector(".unsent"), chat, outbox, unsent);
}

async function offerUnsent(box, chat, outbox, unsent) {
  const waiting = (await outbox.of(chat).catch(() => [])).map(({ text }) => text);
  const unsentText = [...waiting, unsent].filter((text) => text.trim()).join("\n\n");
  box.hidden = !unsentText;
  box.querySelector("textarea").value = unsentText;
  const status = box.querySelector("[role=status]");
  box.querySelector("button").addEventListener("click", () => {
    box.querySelector("textarea").select();
    const isCopied = navigator.clipboard?.writeText(unsentText) ?? Promise.resolve(document.execCommand("copy"));
    isCopied.then(() => (status.textContent = status.dataset.copied));
  });
}
