// Building blocks of lists of choices: elements, avatars as in parts/avatar.html, and normalized text to compare.
import { initials } from "text";

export function element(tag, attributes = {}, ...children) {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) created.setAttribute(name, value);
  created.append(...children);
  return created;
}

// `user` as in the API; null for a deleted account. Without an id there is no colour.
export function faceOf(person) {
  if (!person) return face("", "–");
  const { id, username, name, avatar_url } = person;
  return face(
    "",
    avatar_url ? element("img", { src: avatar_url, width: 256, height: 256, alt: "" }) : initials(name || username),
    id,
  );
}

export function faceOfChat({ id, title }) {
  return face("is-chat", initials(title), id);
}

function face(kind, content, id = null) {
  const hue = id === null ? {} : { "data-hue": id % 8 };
  return element("span", { class: `avatar is-small ${kind}`.trim(), "aria-hidden": "true", ...hue }, content);
}

// Ignores case, ё/е, compatibility forms and runs of white space.
export function folded(text) {
  return text.normalize("NFKC").toLowerCase().replaceAll("ё", "е").replace(/\s+/g, " ").trim();
}
