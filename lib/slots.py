"""HTML templates with slots, which the browser fills in the same way (static/js/slots.js).

- `{name}` in a text or in an attribute's value is the field, escaped. An attribute whose whole value is one slot is
  left out when the field is false or None, and is present and empty when it is true.
- `data-if="name"`: the element is there only when the field is true: not False, None, 0, "" or an empty list.
  `data-unless="name"`: the opposite.
- `data-each="names"`: the element once for each item of a list; an item's fields hide outer ones of the same name.
- `data-html="name"`: the element's content is this trusted HTML.

These four attributes do not appear in the result. A condition beside a loop is about each item. In a text, None and
False are empty. A template is well formed: every element that is not void is closed, and values stand in double quotes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

Fields = Mapping[str, Any]
# Appends its part of the result.
Part = Callable[[Fields, list[str]], None]

ATTRIBUTE = re.compile(r'\s+([\w:-]+)(?:="([^"]*)")?')
TAG = re.compile(r'<(/?)([a-z][\w-]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*>')
SLOT = re.compile(r"\{(\w+)\}")
DIRECTIVES = ("each", "if", "unless", "html")
VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})


class SlotTemplate:
    """A template, compiled once."""

    def __init__(self, source: str) -> None:
        self.source = Markup(source)
        self._whole = _Compiler(source).content()

    def fill(self, fields: Fields) -> str:
        """Fill the slots; returns safe HTML. Raises KeyError for a field that is missing."""
        result: list[str] = []
        self._whole(fields, result)
        return "".join(result)


class _Compiler:
    """Reads a template once, from its beginning to its end, and makes functions of it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tags = TAG.finditer(source)
        self.at = 0

    def content(self) -> Part:
        """Compile up to the end tag of the element that has begun, or to the end of the template."""
        parts: list[Part] = []
        depth = 0
        for tag in self.tags:
            parts += _text(self.source[self.at : tag.start()])
            self.at = tag.end()
            is_end, name = bool(tag[1]), tag[2]
            if is_end and not depth:
                break
            attributes = dict(ATTRIBUTE.findall(tag[3]))
            if any(f"data-{word}" in attributes for word in DIRECTIVES):
                parts.append(self.element(name, attributes))
            else:
                parts += _text(tag[0]) if is_end else _start_tag(name, attributes)
                depth += 0 if name in VOID else -1 if is_end else 1
        else:
            parts += _text(self.source[self.at :])
        return _sequence(parts)

    def element(self, name: str, attributes: dict[str, str]) -> Part:
        """Compile an element with directives, whose start tag was read."""
        each, wanted, unwanted, trusted = (attributes.pop(f"data-{word}", None) for word in DIRECTIVES)
        parts = [*_start_tag(name, attributes)]
        if name not in VOID:
            content = self.content()
            parts += [_html(trusted) if trusted else content, *_text(f"</{name}>")]
        part = _sequence(parts)
        if wanted:
            part = _if(wanted, part)
        if unwanted:
            part = _unless(unwanted, part)
        return _each(each, part) if each else part


# Parts of a compiled template


class _Text:
    """Text with slots: a pattern of `%s`, and for each of them the field and what writes it."""

    def __init__(self, pattern: str, slots: Sequence[tuple[str, Callable[[Any], str]]]) -> None:
        self.pattern, self.slots = pattern, slots
        self.constant = "" if slots else pattern % ()

    def __call__(self, fields: Fields, result: list[str]) -> None:
        if self.constant:
            result.append(self.constant)
        else:
            result.append(self.pattern % tuple([write(fields[name]) for name, write in self.slots]))


def _text(source: str) -> list[Part]:
    """Text with slots; an empty list for an empty text."""
    slots = [(name, _escaped) for name in SLOT.findall(source)]
    return [_Text(SLOT.sub("%s", source.replace("%", "%%")), slots)] if source else []


def _escaped(value: Any) -> str:
    if type(value) is int:
        return str(value)
    return "" if value is None or value is False else html.escape(str(value))


def _start_tag(name: str, attributes: Mapping[str, str]) -> Iterator[Part]:
    """A start tag."""
    yield from _text(f"<{name}")
    for attribute, value in attributes.items():
        if slot := SLOT.fullmatch(value):
            yield _Text("%s", [(slot[1], _attribute(attribute))])
        else:
            yield from _text(f' {attribute}="{value}"' if value else f" {attribute}")
    yield from _text(">")


def _attribute(attribute: str) -> Callable[[Any], str]:
    """What writes an attribute whose whole value is one field."""

    def write(value: Any) -> str:
        if value is True:
            return f" {attribute}"
        return "" if value is None or value is False else f' {attribute}="{_escaped(value)}"'

    return write


def _sequence(parts: list[Part]) -> Part:
    """Several parts, with neighbouring texts as one."""
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if isinstance(part, _Text) and isinstance(before, _Text):
            joined[-1] = _Text(before.pattern + part.pattern, [*before.slots, *part.slots])
        else:
            joined.append(part)

    def sequence(fields: Fields, result: list[str]) -> None:
        for part in joined:
            part(fields, result)

    return joined[0] if len(joined) == 1 else sequence


def _html(name: str) -> Part:
    return lambda fields, result: result.append(fields[name])


def _if(name: str, part: Part) -> Part:
    return lambda fields, result: part(fields, result) if fields[name] else None


def _unless(name: str, part: Part) -> Part:
    return lambda fields, result: None if fields[name] else part(fields, result)


def _each(name: str, part: Part) -> Part:
    def write(fields: Fields, result: list[str]) -> None:
        for item in fields[name]:
            part({**fields, **item}, result)

    return write
