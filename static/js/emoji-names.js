// The emoji and their names, in groups and order of Unicode; loaded on first use.
import { folded } from "choices";

let loading = null; // a promise

// Resolves to a list of {emoji, group, names, words}. `names` are shortcodes, the reader's language first; the first of
// them is the emoji's label. `words` are keywords.
export function emojiNames() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function load() {
  const isRussian = document.documentElement.lang === "ru";
  const [english, russian] = await Promise.all([import("emoji-en"), isRussian && import("emoji-ru")]);
  const countries = new Intl.DisplayNames(document.documentElement.lang, { type: "region" });
  const translated = russian ? lines(russian.default) : [];
  let group = 0;
  return lines(english.default).flatMap((line, at) => {
    if (!line) {
      group += 1;
      return [];
    }
    const [emoji, ...rest] = line.split("|")[0].split(" ");
    const [translatedName, words = ""] = (translated[at] ?? line).split("|");
    const names = rest.length ? [...(russian ? [translatedName] : []), ...rest] : [countryName(emoji, countries)];
    return [{ emoji, group, names, words: words ? words.split(" ") : [] }];
  });
}

function lines(text) {
  return text.trim().split("\n");
}

function countryName(flag, countries) {
  const code = [...flag].map((letter) => String.fromCharCode(letter.codePointAt(0) - 0x1f1e6 + 65)).join("");
  return countries
    .of(code)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "_");
}

// Matches, best first: the exact name, names that start with the text, keywords.
export function findEmoji(all, text, limit = Infinity) {
  const query = normalizeName(text);
  if (!query) return [];
  const ranked = all.map((entry) => [rankOf(entry, query), entry]).filter(([rank]) => rank < 4);
  return ranked
    .sort(([a], [b]) => a - b)
    .slice(0, limit)
    .map(([, entry]) => entry);
}

function rankOf({ names, words }, query) {
  const normalized = names.map(normalizeName);
  if (normalized.includes(query)) return 0;
  if (normalized.some((name) => name.startsWith(query))) return 1;
  if (normalized.some((name) => name.includes(`_${query}`))) return 2;
  return words.some((word) => normalizeName(word).startsWith(query)) ? 3 : 4;
}

export function normalizeName(name) {
  return folded(name).replace(/[ -]+/g, "_");
}
