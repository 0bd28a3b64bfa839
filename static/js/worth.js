// What is worth a notice to somebody, and what it says. Whoever shows it (notices.js, or a push some day) asks here.
import { plain } from "server";

const LENGTH = 140;

// `room` is a chat as the person sees it: {id, title, kind, level, picture}. Returns null when it is worth none.
export function noticeOf(message, room, me) {
  if (!isWorth(message, room, me)) return null;
  const body = room.kind === "direct" ? words(message) : spoken(message);
  return { chat: room.id, message: message.id, title: room.title, body, picture: room.picture };
}

function isWorth(message, { kind, level }, me) {
  if (message.author?.id === me || level === "nothing") return false;
  return level === "everything" || kind === "direct" || isMeant(message, me);
}

function isMeant({ mentions, reply_to }, me) {
  return Boolean(mentions?.some((user) => user.id === me)) || reply_to?.author?.id === me;
}

// A message in one line, with who wrote it.
export function spoken(message) {
  return message.author ? `${message.author.name || message.author.username}: ${words(message)}` : words(message);
}

function words(message) {
  const text = plain(message.html) || `📎 ${message.files[0]?.name ?? ""}`;
  const letters = [...text];
  return letters.length > LENGTH ? `${letters.slice(0, LENGTH).join("").trimEnd()}…` : text;
}
