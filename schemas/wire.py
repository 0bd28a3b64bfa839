"""JSON as it comes, and what is said of what is wrong with it."""

from __future__ import annotations

import json
import re
from typing import Any

NESTING = 64
# Nothing is tried twice: a string of nothing but escaped quotes, never closed, would take an hour otherwise.
STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)


class Malformed(ValueError):
    """What came is no JSON that could be looked at."""


def read_json(raw: bytes) -> Any:
    """What a body says. Raises Malformed; the depth is bounded before it is read (rule 16)."""
    try:
        text = raw.decode("utf-8")
        if depth(text) > NESTING:
            raise Malformed(f"JSON nested deeper than {NESTING}.")
        return json.loads(text, parse_constant=refuse_constant)
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed("The body is not JSON in UTF-8.") from error


def depth(text: str) -> int:
    """How deep brackets nest, those within strings left out."""
    if text.count("[") + text.count("{") <= NESTING:
        return 0
    deepest = level = 0
    for found in STRINGS_AND_BRACKETS.findall(text):
        if found in "[{":
            level += 1
            deepest = max(deepest, level)
        elif found in "]}":
            level -= 1
    return deepest


def refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's (RFC 8259, 6)."""
    raise ValueError(name)


SENTENCES = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field.",
    "string_type": "Must be a string.",
    "string_unicode": "Must be valid Unicode.",
    "int_type": "Must be a whole number.",
    "int_parsing": "Must be a whole number.",
    "int_parsing_size": "Must be a whole number of 64 bits.",
    "int_from_float": "Must be a whole number.",
    "list_type": "Must be a list.",
}


def complaints(errors: list[Any]) -> dict[str, list[str]]:
    """pydantic's errors as a map of field to sentences; a list's items are told at the list."""
    told: dict[str, list[str]] = {}
    for error in errors:
        field = str(error["loc"][0]) if error["loc"] else "body"
        sentence = SENTENCES.get(error["type"]) or error["msg"].removeprefix("Value error, ").rstrip(".") + "."
        if sentence not in told.setdefault(field, []):
            told[field].append(sentence)
    return told
