// Text as people see it.

// Splits a text into user-perceived characters, as lib/characters.py does.
export function characters(text) {
  if (!Intl.Segmenter) return [...text];
  return [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].map(({ segment }) => segment);
}

// The longest beginning of at most `length` UTF-16 code units that splits no character.
export function truncate(text, length) {
  let end = 0;
  for (const one of characters(text.slice(0, 4 * length))) {
    if (end + one.length > length) break;
    end += one.length;
  }
  return text.slice(0, end);
}

// The initials of a name, as lib/characters.py makes them.
export function initials(name) {
  const words = name
    .split(/[\s._-]+/)
    .filter(Boolean)
    .map(characters);
  const letters = words.length > 1 ? [words[0][0], words[1][0]] : (words[0] ?? ["?"]).slice(0, 2);
  return letters.join("").toUpperCase();
}

// A person's displayed name.
export function label({ name, username }) {
  return name || username;
}
