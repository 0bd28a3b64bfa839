// A chat's row in the list: what it says, as a chat with its last message, unread count and draft; and the fields of
// its template, as views/chat_fields.py computes them.
import { formatted } from "days";
import { initials, label } from "text";

const UNREAD_SHOWN = 100;

// What a row says. `line` is its last message, by `author`.
export function readRow(row) {
  const { chat, kind, level, unread, mentions, read, last, created, draft } = row.dataset;
  const avatar = row.querySelector(".avatar");
  const picture = avatar.querySelector("img")?.getAttribute("src") ?? null;
  const lastLine = row.querySelector("p:last-of-type");
  const ids = { id: chat, unread, unread_mentions: mentions, last_read_id: read, last_id: last };
  for (const name in ids) ids[name] = Number(ids[name]);
  return {
    ...ids,
    kind,
    level,
    created_at: created,
    draft,
    avatar_class: avatar.className,
    hue: avatar.getAttribute("data-hue"),
    picture_url: picture,
    initials: avatar.textContent,
    title: row.querySelector("a").firstChild.data,
    at: row.querySelector("time").dateTime,
    author: lastLine.querySelector("span")?.textContent.replace(/: $/, "") ?? "",
    line: lastLine.querySelector("bdi").textContent,
  };
}

// What the row of a new chat says, by its chat.created. `texts` are those of the template.
export function chatFrom(data, me, texts) {
  const isDirect = data.kind === "direct";
  const partner = isDirect && (data.users.find(({ id }) => id !== me) ?? data.users[0]);
  const isToOneself = isDirect && partner?.id === me;
  const title = isToOneself ? texts.notes : isDirect ? (partner ? label(partner) : texts.nobody) : data.title;
  const picture = isDirect ? (partner?.avatar_url ?? null) : data.picture_url;
  return {
    ...data,
    title,
    last_read_id: data.last_read_id ?? 0,
    draft: "",
    avatar_class: isDirect ? "avatar" : "avatar is-chat",
    hue: isDirect && !partner ? null : (isDirect ? partner.id : data.id) % 8,
    ...faceOf(isDirect && !partner ? "–" : isDirect ? label(partner) : title, picture),
    ...lastOf(data.last_message, data, me, texts),
  };
}

// A title's initials, unless there is a picture.
export function faceOf(title, picture) {
  return { picture_url: picture, initials: picture ? "" : title === "–" ? title : initials(title) };
}

// The last message with its author, who goes without saying in a direct chat, and its time.
export function lastOf(message, { kind, created_at }, me, texts) {
  if (!message) return { last_id: 0, at: created_at, author: "", line: texts.none };
  const { id, author, preview, created_at: at } = message;
  const name = author?.id === me ? texts.you : kind === "direct" ? "" : author ? label(author) : texts.nobody;
  return { last_id: id, at, author: name, line: preview };
}

// The fields of the template.
export function fieldsOf(chat, isOpen, texts) {
  const { unread, unread_mentions, level, draft } = chat;
  return {
    ...chat,
    row_class: unread ? "chat-row is-unread" : "chat-row",
    current: isOpen ? "page" : null,
    unread_words: [
      plural(texts.number, unread),
      ...(level === "nothing" ? [texts.muted] : []),
      ...(unread_mentions ? [texts.marked] : []),
    ].join(", "),
    time: formatted("short", chat.at),
    is_draft_shown: Boolean(draft) && !isOpen,
    badge_class: level === "nothing" ? "badge is-muted" : "badge",
    badge: `${unread_mentions ? "@ " : ""}${unread < UNREAD_SHOWN ? unread : `${UNREAD_SHOWN - 1}+`}`,
  };
}

// `examples` are the text for other numbers, one for each plural form: "1 chat|2 chats".
function plural(examples, number) {
  const rules = new Intl.PluralRules(document.documentElement.lang);
  const forms = examples.split("|");
  const same = (form) => rules.select(parseInt(form, 10)) === rules.select(number);
  return (forms.find(same) ?? forms.at(-1)).replace(/\d+/, number);
}

// What an event of a chat changes in what its row says; null if nothing.
export function changesBy(type, detail, chat, me, texts) {
  if (type === "message.created") return detail.id > chat.last_id ? changesByNew(detail, chat, me, texts) : null;
  if (type === "message.updated") return changesByUpdated(detail, chat, me, texts);
  if (type === "message.deleted") return changesByDeleted(detail, chat, me, texts);
  if (type === "draft") return { draft: detail.preview };
  if (type === "chat.updated") return { title: detail.title, ...faceOf(detail.title, detail.picture_url) };
  const { unread, unread_mentions, level = chat.level, message_id, last_read_id } = detail;
  const read = last_read_id === undefined ? (message_id ?? chat.last_read_id) : (last_read_id ?? 0);
  return { unread, unread_mentions, level, last_read_id: read };
}

function changesByNew(message, chat, me, texts) {
  const more = message.author?.id === me ? {} : addCounts(chat, 1, mentionsOf(message, me));
  return { ...lastOf(message, chat, me, texts), ...more };
}

function changesByUpdated(message, chat, me, texts) {
  const { id, author, restored, former_mentions: former } = message;
  const isLast = id === chat.last_id || (restored && id > chat.last_id);
  const last = isLast ? lastOf(message, chat, me, texts) : {};
  if (author?.id === me || id <= chat.last_read_id || (!restored && !former)) return last;
  return { ...last, ...addCounts(chat, restored ? 1 : 0, mentionsOf(message, me) - (former?.includes(me) ?? 0)) };
}

function changesByDeleted({ id, author_id, former_mentions, last_message }, chat, me, texts) {
  const last = id === chat.last_id ? lastOf(last_message, chat, me, texts) : {};
  if (author_id === me || id <= chat.last_read_id) return last;
  return { ...last, ...addCounts(chat, -1, -former_mentions.includes(me)) };
}

function addCounts({ unread, unread_mentions }, more, moreMentions) {
  return { unread: Math.max(0, unread + more), unread_mentions: Math.max(0, unread_mentions + moreMentions) };
}

function mentionsOf(message, me) {
  return message.mentions.some(({ id }) => id === me) ? 1 : 0;
}
