"""An answer compressed in pieces is the answer, whatever is put into it."""

from __future__ import annotations

import gzip
import re
import zlib

from hypothesis import given
from hypothesis import strategies as st

from lib.gzip_pieces import PADDING, GzipPieces, split

TEXTS = st.lists(st.sampled_from(["<NONCE>", "<KEY>", "<TOKEN>", "", "a", "ж", "words and words " * 50]), max_size=12)
VALUES = st.text(st.characters(codec="utf-8"), max_size=300)


@given(TEXTS, VALUES, VALUES)
def test_it_is_the_answer_with_the_values_in_their_places(texts: list[str], nonce: str, key: str) -> None:
    whole = "".join(texts)
    pieces = GzipPieces(whole.encode(), {"nonce": "<NONCE>", "key": "<KEY>", "none": ""}, ["<TOKEN>", ""])
    sent = pieces.fill({"nonce": nonce, "key": key})
    expected = "".join({"<NONCE>": nonce, "<KEY>": key}.get(text, text) for text in texts)
    assert gzip.decompress(sent).decode() == expected
    assert zlib.decompress(sent, wbits=31).decode() == expected


@given(st.text("abc", max_size=40), st.sets(st.text("abc", min_size=1, max_size=4), max_size=5))
def test_it_is_cut_at_the_first_and_longest_strings(whole: str, strings: set[str]) -> None:
    longest_first = "|".join(sorted(strings, key=len, reverse=True))
    expected = re.split(f"({longest_first})", whole) if strings else [whole]
    found = [text.decode() for text in split(whole.encode(), [text.encode() for text in strings])]
    assert found == expected


def test_nothing_is_compressed_together_with_a_secret() -> None:
    def length(guess: str) -> int:
        """Without the random name in the header."""
        sent = GzipPieces(f"{guess} and {guess}, <input value=secret-4711>".encode(), {}, ["secret-4711"]).fill({})
        return len(sent) - sent.index(b"\0", 10)

    # All of a token but its end, which is still to be guessed.
    assert length("secret-471") == length("secret-714")


def test_the_length_varies() -> None:
    pieces = GzipPieces(b"always the same", {})
    assert len({len(pieces.fill({})) for _ in range(200)}) > len(PADDING) // 4
