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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from markupsafe import Markup

Fields = Mapping[str, Any]

ATTRIBUTE = re.compile(r'\s+([\w:-]+)(?:="([^"]*)")?')
TAG = re.compile(r'<(/?)([a-z][\w-]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*>')
SLOT = re.compile(r"\{(\w+)\}")
DIRECTIVES = ("each", "if", "unless", "html")
VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
SPECIAL = re.compile("[&<>\"']")


class SlotTemplate:
    """A template, compiled once, as Jinja does, to a Python function."""

    def __init__(self, source: str) -> None:
        self.source = Markup(source)
        self._fill = _Compiler(source).function()

    def fill(self, fields: Fields) -> str:
        """Fill the slots; returns safe HTML. Raises KeyError for a field that is missing."""
        result: list[str] = []
        self._fill(fields, result.append)
        return "".join(result)


class _Compiler:
    """Reads a template once, from its beginning to its end, and writes a function of it.

    From `<p data-if="name">{name}</p>`:

        def fill(fields0, write):
            if fields0['name']:
                write('<p>%s</p>' % (escaped(fields0['name']),))
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.tags = TAG.finditer(source)
        self.at = 0
        self.lines = ["def fill(fields0, write):"]
        self.indentation, self.loops = 1, 0
        # Text that is not written yet, with `%s` for each value.
        self.pattern, self.values = "", list[str]()

    def function(self) -> Callable[[Fields, Callable[[str], None]], None]:
        self.content()
        self.line("return")
        scope: dict[str, Any] = {"escaped": escaped, "attribute": attribute}
        exec(compile("\n".join(self.lines), "<slots>", "exec"), scope)
        function: Callable[[Fields, Callable[[str], None]], None] = scope["fill"]
        return function

    def content(self) -> None:
        """Compile up to the end tag of the element that is open, or to the end of the template."""
        depth = 0
        for tag in self.tags:
            self.text(self.source[self.at : tag.start()])
            self.at = tag.end()
            is_end, name = bool(tag[1]), tag[2]
            if is_end and not depth:
                return
            attributes = dict(ATTRIBUTE.findall(tag[3]))
            if any(f"data-{word}" in attributes for word in DIRECTIVES):
                self.element(name, attributes)
            elif is_end:
                self.text(tag[0])
                depth -= 1
            else:
                self.start_tag(name, attributes)
                depth += name not in VOID
        self.text(self.source[self.at :])

    def element(self, name: str, attributes: dict[str, str]) -> None:
        """Compile an element with directives, whose start tag was read."""
        each, wanted, unwanted, trusted = (attributes.pop(f"data-{word}", None) for word in DIRECTIVES)
        with self.loop(each), self.block(wanted, "if {}:"), self.block(unwanted, "if not {}:"):
            self.start_tag(name, attributes)
            if name in VOID:
                return
            if trusted:
                self.pattern += "%s"
                self.values.append(self.field(trusted))
                self.skip_content()
            else:
                self.content()
            self.text(f"</{name}>")

    def skip_content(self) -> None:
        """Compile the content of an element, and drop it."""
        dropped = _Compiler(self.source)
        dropped.tags, dropped.at = self.tags, self.at
        dropped.content()
        self.at = dropped.at

    def start_tag(self, name: str, attributes: Mapping[str, str]) -> None:
        self.text(f"<{name}")
        for attribute_name, value in attributes.items():
            if slot := SLOT.fullmatch(value):
                self.pattern += "%s"
                self.values.append(f"attribute({attribute_name!r}, {self.field(slot[1])})")
            else:
                self.text(f' {attribute_name}="{value}"' if value else f" {attribute_name}")
        self.text(">")

    def text(self, source: str) -> None:
        """Add text with slots."""
        self.pattern += SLOT.sub("%s", source.replace("%", "%%"))
        self.values += [f"escaped({self.field(name)})" for name in SLOT.findall(source)]

    def field(self, name: str) -> str:
        return f"fields{self.loops}[{name!r}]"

    def line(self, code: str) -> None:
        """Write what was added, then a line of code."""
        if self.pattern:
            values = f" % ({', '.join(self.values)},)" if self.values else ""
            text = self.pattern if self.values else self.pattern % ()
            self.lines.append(f"{'    ' * self.indentation}write({text!r}{values})")
        self.pattern, self.values = "", []
        self.lines.append("    " * self.indentation + code)

    @contextmanager
    def block(self, name: str | None, header: str) -> Iterator[None]:
        """What follows depends on a field, if one is named."""
        if name is None:
            yield
            return
        self.line(header.format(self.field(name)))
        self.indentation += 1
        yield
        self.line("pass")
        self.indentation -= 1

    @contextmanager
    def loop(self, name: str | None) -> Iterator[None]:
        """What follows is for each item of a list, if one is named."""
        if name is None:
            yield
            return
        outer = self.loops
        with self.block(name, f"for item{outer} in {{}}:"):
            self.loops += 1
            self.line(f"fields{self.loops} = {{**fields{outer}, **item{outer}}}")
            yield
            self.loops = outer


def escaped(value: Any) -> str:
    if type(value) is not str:
        if type(value) is int:
            return str(value)
        value = "" if value is None or value is False else str(value)
    return html.escape(value) if SPECIAL.search(value) else value


def attribute(name: str, value: Any) -> str:
    """An attribute whose whole value is one field."""
    if value is True:
        return f" {name}"
    return "" if value is None or value is False else f' {name}="{escaped(value)}"'
