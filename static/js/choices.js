// What lists of choices are made of: elements, faces as parts/avatar.html draws them, and words as they are compared.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Of a person as the API tells of them; null for one whose account is gone. Without an id there is no colour.
export function faceOf(person) {
  if (!person) return face("", "–");
  const { id, username, avatar_url } = person;
  return face("", avatar_url ? element("img", { src: avatar_url, width: 256, height: 256, alt: "" }) : initials(username), id);
}

export function faceOfChat({ id, title }) {
  return face("is-chat", initials(title), id);
}

function face(kind, inside, id = null) {
  const hue = id === null ? {} : { "data-hue": id % 8 };
  return element("span", { class: `avatar is-small ${kind}`.trim(), "aria-hidden": "true", ...hue }, inside);
}

// As models/base.py has them.
function initials(label) {
  const words = label.split(/[\s._-]+/).filter(Boolean).map((word) => [...word]);
  const letters = words.length > 1 ? words[0][0] + words[1][0] : (words[0] ?? ["?"]).slice(0, 2).join("");
  return letters.toUpperCase();
}

// Letter case, ё and е, compatible forms and the width of spaces make no difference.
export function folded(words) {
  return words.normalize("NFKC").toLowerCase().replaceAll("ё", "е").replace(/\s+/g, " ").trim();
}
