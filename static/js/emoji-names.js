// The emoji and their names, in groups and order of Unicode; loaded on first use.
import { folded } from "choices";

let known = null; // a promise

// Resolves to a list of {emoji, group, names, words}. `names` are shortcodes, the reader's language first; the first of
// them is the emoji's label. `words` are keywords.
export function emojiNames() {
  known ??= load().catch((error) => {
    known = null;
    throw error;
  });
  return known;
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
    const [mine, words = ""] = (translated[at] ?? line).split("|");
    const names = rest.length ? [...(russian ? [mine] : []), ...rest] : [country(emoji, countries)];
    return [{ emoji, group, names, words: words ? words.split(" ") : [] }];
  });
}

function lines(text) {
  return text.trim().split("\n");
}

function country(flag, countries) {
  const code = [...flag].map((letter) => String.fromCharCode(letter.codePointAt(0) - 0x1f1e6 + 65)).join("");
  return countries
    .of(code)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "_");
}

// Matches, best first: the exact name, names that start with the text, keywords.
export function found(all, typed, most = Infinity) {
  const wanted = plain(typed);
  if (!wanted) return [];
  const ranked = all.map((one) => [rank(one, wanted), one]).filter(([place]) => place < 4);
  return ranked
    .sort(([a], [b]) => a - b)
    .slice(0, most)
    .map(([, one]) => one);
}

function rank({ names, words }, wanted) {
  const plainly = names.map(plain);
  if (plainly.includes(wanted)) return 0;
  if (plainly.some((name) => name.startsWith(wanted))) return 1;
  if (plainly.some((name) => name.includes(`_${wanted}`))) return 2;
  return words.some((word) => plain(word).startsWith(wanted)) ? 3 : 4;
}

export function plain(name) {
  return folded(name).replace(/[ -]+/g, "_");
}
