"""Parse JSON bodies, and describe what is wrong with them."""

from __future__ import annotations

import json
import re
from typing import Any

NESTING = 64
FIELDS_MAX = 1000
# Possessive, so without backtracking: an unclosed string of escaped quotes would take an hour otherwise.
STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)


class Malformed(ValueError):
    """The body is not acceptable JSON."""


def read_json(raw: bytes) -> Any:
    """Parse a body. Raises Malformed; the depth is limited before parsing (rule 16)."""
    try:
        text = raw.decode("utf-8")
        if depth(text) > NESTING:
            raise Malformed(f"JSON nested deeper than {NESTING}.")
        value = json.loads(text, parse_constant=refuse_constant)
        if isinstance(value, dict) and len(value) > FIELDS_MAX:
            # Each unknown field becomes an error; a body full of them would take half a second and 100 MB.
            raise Malformed(f"More than {FIELDS_MAX} fields.")
        return value
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed("The body is not JSON in UTF-8.") from error


def depth(text: str) -> int:
    """Return how deep brackets nest outside strings."""
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


def field_errors(errors: list[Any]) -> dict[str, list[str]]:
    """Map pydantic's errors from field to sentences; those of a list's items belong to the list."""
    found: dict[str, list[str]] = {}
    for error in errors:
        field = str(error["loc"][0]) if error["loc"] else "body"
        sentence = SENTENCES.get(error["type"]) or error["msg"].removeprefix("Value error, ").rstrip(".") + "."
        if sentence not in found.setdefault(field, []):
            found[field].append(sentence)
    return found
