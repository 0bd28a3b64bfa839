// The fields of a message's row (templates/parts/message_row.html), from its JSON and who reads it, as
// views/message_fields.py computes them.
import { dayOf, formatted, timeOf } from "days";
import { initials, label, truncate } from "text";

const lang = document.documentElement.lang;
// Maximum size in pixels of a single picture in a message.
const [PICTURE_WIDTH, PICTURE_HEIGHT] = [320, 420];
const NOBODY = '<span class="mention">Deleted user</span>';

// `reader` is {id, mayDelete, texts}, with the texts of the template. `place` is {isTarget, isShown, own}: whether the
// URL names this message, whether the message with an id is on this page, and which emoji the reader has given.
export function rowFields(message, reader, place) {
  const authorId = message.author?.id ?? 0;
  const isOwn = authorId === reader.id;
  const isEdited = message.edited_at !== null;
  return {
    id: message.id,
    chat_id: message.chat_id,
    place: `/chats/${message.chat_id}/messages/${message.id}`,
    ...placeFields("message", place),
    created_at: message.created_at,
    ...timeFields(message.created_at),
    ...authorFields(message.author),
    is_edited: isEdited,
    text: message.text,
    prose: prose(message.html, reader.texts),
    is_own: isOwn,
    is_mentioned: !isOwn && message.mentions.some(({ id }) => id === reader.id),
    may_edit: isOwn && message.forwarded_from === null,
    may_delete: reader.mayDelete(authorId),
    reactions: message.reactions.map((tally) => reactionFields(tally, reader, place.own)),
    ...sourceFields(message.forwarded_from),
    ...quotationFields(message, place),
    ...fileFields(message.files, reader.texts),
  };
}

export function placeFields(rowClass, { isTarget }) {
  return {
    row_class: isTarget ? `${rowClass} is-target` : rowClass,
    is_target: isTarget,
    target_tabindex: isTarget ? "-1" : null,
  };
}

export function timeFields(datetime) {
  return { day: dayOf(datetime), day_name: formatted("day", datetime), time: timeOf(datetime) };
}

function authorFields(author) {
  if (!author) return { author_url: null, author_label: "", author_hue: null, avatar_url: null, initials: "–" };
  return {
    author_url: profile(author),
    author_label: label(author),
    author_hue: author.id % 8,
    avatar_url: author.avatar_url,
    initials: author.avatar_url ? "" : initials(label(author)),
  };
}

function profile({ username }) {
  return `/users/${encodeURIComponent(username)}`;
}

// The original author and time of a forwarded message.
function sourceFields(source) {
  if (!source) return { is_forwarded: false };
  const { author, created_at } = source;
  return {
    is_forwarded: true,
    source_url: author && profile(author),
    source_label: author ? label(author) : "",
    source_at: created_at,
    source_time: formatted("point", created_at),
  };
}

function quotationFields({ chat_id, reply_to }, { isShown }) {
  if (!reply_to) return { quote_url: null };
  const anchor = `#message-${reply_to.id}`;
  const url = isShown(reply_to.id) ? anchor : `/chats/${chat_id}?around=${reply_to.id}${anchor}`;
  return quoteFields(url, reply_to.author, reply_to.text, reply_to.deleted);
}

export function quoteFields(url, author, text, isDeleted) {
  return {
    quote_url: url,
    is_quote_deleted: isDeleted,
    quote_author: author ? label(author) : "",
    is_quote_of_nobody: !author && !isDeleted,
    quote_text: text,
  };
}

// Pictures together, then each other file.
function fileFields(files, texts) {
  const pictures = files.filter(({ thumbnail_url }) => thumbnail_url).map(pictureFields);
  return {
    pictures,
    pictures_class: pictures.length > 1 ? " is-many" : "",
    files: files
      .filter(({ thumbnail_url }) => !thumbnail_url)
      .map(({ url, name, size }) => ({ url, name, details: details(name, size, texts) })),
  };
}

function pictureFields({ url, thumbnail_url, width, height, name }) {
  const scale = Math.min(1, PICTURE_WIDTH / width, PICTURE_HEIGHT / height);
  const [shownWidth, shownHeight] = [width, height].map((length) => Math.max(1, roundHalfEven(length * scale)));
  return { url: `${url}/display`, thumbnail_url, width: shownWidth, height: shownHeight, name };
}

// PDF · 214 KB
function details(name, size, { units }) {
  const dot = name.lastIndexOf(".");
  const kind = dot > 0 ? truncate(name.slice(dot + 1).toUpperCase(), 8) : "";
  return [kind, sizeOf(size, units.split(" "))].filter(Boolean).join(" · ");
}

function sizeOf(size, [bytes, kilobytes, megabytes]) {
  if (size < 1024) return `${size} ${bytes}`;
  const [amount, unit] = size < 1024 * 1024 ? [size / 1024, kilobytes] : [size / 1024 / 1024, megabytes];
  return `${(amount < 10 ? roundHalfEven(amount * 10) / 10 : roundHalfEven(amount)).toLocaleString(lang)} ${unit}`;
}

// Ties round to even, as on the server.
function roundHalfEven(number) {
  const below = Math.floor(number);
  const isUp = number - below === 0.5 ? below % 2 === 1 : number - below > 0.5;
  return isUp ? below + 1 : below;
}

function reactionFields(tally, reader, ownEmoji) {
  const isOwn = tally.users.includes(reader.id) || (tally.count > tally.users.length && ownEmoji.has(tally.emoji));
  const names = tally.names.join(", ");
  const more = tally.count - tally.names.length;
  return {
    emoji: tally.emoji,
    emoji_name: tally.emoji_name[lang],
    count: tally.count,
    givers: more ? reader.texts.more.replace(/\{(\w+)\}/g, (_, name) => ({ names, number: more })[name]) : names,
    does: isOwn ? "take_back" : "give",
    pressed: String(isOwn),
  };
}

function escaped(text) {
  const element = document.createElement("span");
  element.textContent = text;
  return element.innerHTML;
}

// Sets the direction of lists by their text, and names deleted users in the reader's language.
function prose(html, { nobody }) {
  const named = html.replace(/<(ul|ol|blockquote)(?=[ >])/g, '<$1 dir="auto"');
  return named.replaceAll(
    NOBODY,
    NOBODY.replace("Deleted user", () => escaped(nobody)),
  );
}
