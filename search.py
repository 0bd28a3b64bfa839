"""Finding: how text is folded into words, how a question becomes a query, and what a hit looks like."""

from __future__ import annotations

import html
import re
import unicodedata

# Scripts written without spaces: each character is a word, and neighbours are a phrase.
UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
PHRASE = re.compile(r'"([^"]*)"')
WORD = re.compile(r"[^\W_]+", re.UNICODE)
AROUND = 40


def fold(text: str) -> str:
    """Text as the index holds it: compatible forms, letter case and ё/е alike."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    return UNSPACED.sub(r" \1 ", unicodedata.normalize("NFC", folded))


def words(text: str) -> list[str]:
    """The words of a text, folded."""
    return WORD.findall(fold(text).replace("\u0300", ""))


def query(q: str) -> str:
    """An FTS5 expression for a question: all its words, quoted ones as a phrase; '' when it has none.

    The last word may be a beginning, as people search while they type. Every word is quoted, so nothing that
    people write is an operator (https://sqlite.org/fts5.html#fts5_strings).
    """
    phrases = [" ".join(words(phrase)) for phrase in PHRASE.findall(q)]
    phrases = [phrase for phrase in phrases if phrase]
    single = [" ".join(words(part)) for part in PHRASE.sub(" ", q).split()]
    single = [part for part in single if part]
    asked = [f'"{part}"' for part in (*phrases, *single)]
    if single:
        asked[-1] += "*"
    return " AND ".join(asked)


def snippet(text: str, q: str, length: int = 160) -> str:
    """A safe HTML excerpt around the first word found, with each found one in `<mark>`."""
    line = " ".join(text.split())
    wanted = set(words(q))
    begun = words(q)[-1:] if wanted and not q.rstrip().endswith('"') else []
    hits = [
        match.span()
        for match in WORD.finditer(line)
        if (found := words(match[0])) and (wanted & set(found) or any(found[0].startswith(b) for b in begun))
    ]
    start = max(0, hits[0][0] - AROUND) if hits else 0
    if start:
        start = line.find(" ", start, hits[0][0]) + 1 or start
    end = start + length
    shown, at = [], start
    for left, right in hits:
        if left >= start and right <= end:
            shown.append(f"{html.escape(line[at:left])}<mark>{html.escape(line[left:right])}</mark>")
            at = right
    shown.append(html.escape(line[at:end]))
    return ("…" if start else "") + "".join(shown) + ("…" if end < len(line) else "")
