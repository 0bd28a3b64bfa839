"""Parsing the scripts of the sample chats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

NEW_DAY = re.compile(r"=== (\d+)")
LINE = re.compile(r"(\d\d):(\d\d) (\w+)(?: \(([^)]*)\))?: (.*)")
INDENT = "    "


@dataclass
class Line:
    """One message. `minute` counts from midnight of the newest day, and is negative on the days before.

    `first` is the text before an edit.
    """

    minute: int
    author: str
    text: str
    name: str
    reply_to: str = ""
    first: str = ""
    files: list[str] = field(default_factory=list)
    deleted: bool = False


@dataclass
class Script:
    """One chat: its title, its people (the owner first), and their messages.

    A script reads:

        title: Garden
        people: carol ann bob
        admins: ann
        unread: ann 3, bob 1
        === 2
        09:15 ann (id=seeds): The seeds are here.
            A second line of it.
        09:20 bob (re=seeds, file=list.txt): Good.
        09:31 ann (first=Tomorow then.): Tomorrow then.
        09:40 bob (deleted): Never mind.

    `=== 2` means two days ago. `re` replies to the message with that `id`; `first` is the text before an edit.
    Without a title it is the direct chat of its two people. `about: …` is the chat's description.
    """

    title: str
    people: list[str]
    admins: list[str]
    unread: dict[str, int]
    lines: list[Line]
    about: str = ""

    @classmethod
    def read(cls, path: Path) -> Script:
        """Read a script. Raises ValueError for a malformed line."""
        head, _, body = path.read_text(encoding="utf-8").partition("===")
        fields = dict(line.split(": ", 1) for line in head.splitlines() if line)
        pairs = [pair.split() for pair in fields.get("unread", "").split(",") if pair]
        return cls(
            title=fields.get("title", ""),
            people=fields["people"].split(),
            admins=fields.get("admins", "").split(),
            unread={name: int(number) for name, number in pairs},
            lines=list(parse_lines("===" + body)),
            about=fields.get("about", ""),
        )


def parse_lines(body: str) -> Iterator[Line]:
    """The messages of a script, in order."""
    day = 0
    line: Line | None = None
    for number, row in enumerate(body.splitlines()):
        if line is not None and (row.startswith(INDENT) or not row):
            line.text += "\n" + row.removeprefix(INDENT)
            continue
        if line is not None:
            yield line
            line = None
        if new_day := NEW_DAY.fullmatch(row):
            day = int(new_day[1])
        else:
            line = parse_line(row, day, str(number))
    if line is not None:
        yield line


def parse_line(row: str, day: int, name: str) -> Line:
    """Parse the first line of a message."""
    found = LINE.fullmatch(row)
    if found is None:
        raise ValueError(f"not a line of a script: {row!r}")
    hour, minute, author, marks, text = found.groups()
    line = Line(int(hour) * 60 + int(minute) - day * 1440, author, text, name)
    for mark in (marks or "").split(", ") if marks else ():
        kind, _, value = mark.partition("=")
        if kind == "id":
            line.name = value
        elif kind == "re":
            line.reply_to = value
        elif kind == "first":
            line.first = value
        elif kind == "file":
            line.files.append(value)
        elif kind == "deleted":
            line.deleted = True
        else:
            raise ValueError(f"not a mark of a script: {mark!r}")
    return line
