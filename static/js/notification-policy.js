// Decides which messages notify a person, and with what text; independent of how it is shown.
import { plainText } from "server";
import { truncate } from "text";

const LENGTH = 140;

// `chat` is {id, title, kind, level, picture}. Returns null if the person is not to be notified.
export function notificationFor(message, chat, me) {
  if (!shouldNotify(message, chat, me)) return null;
  const body = chat.kind === "direct" ? summary(message) : summaryWithAuthor(message);
  return { chat: chat.id, message: message.id, title: chat.title, body, picture: chat.picture };
}

function shouldNotify(message, { kind, level }, me) {
  if (message.author?.id === me || level === "nothing") return false;
  return level === "everything" || kind === "direct" || isAddressed(message, me);
}

function isAddressed({ mentions, reply_to }, me) {
  return Boolean(mentions?.some((user) => user.id === me)) || reply_to?.author?.id === me;
}

// A message in one line, with its author.
export function summaryWithAuthor(message) {
  return message.author ? `${message.author.name || message.author.username}: ${summary(message)}` : summary(message);
}

function summary(message) {
  const text = plainText(message.html) || `📎 ${message.files[0]?.name ?? ""}`;
  return text.length > LENGTH ? `${truncate(text, LENGTH).trimEnd()}…` : text;
}
