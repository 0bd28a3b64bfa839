"""Logging that is safe against injected lines: one record is one line of visible characters."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from functools import lru_cache
from typing import Any

FORMAT = "%(asctime)s [%(process)d] %(levelname)s %(name)s: %(message)s"
# Characters that Python considers printable but are invisible (Default_Ignorable_Code_Point), and the Braille blank.
UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
INDENT = "    "


def escape(text: str) -> str:
    """Escape control characters, line ends, bidi marks, surrogates and other invisible characters as Python does."""
    if text.isprintable() and (text.isascii() or not UNSEEN.search(text)):
        return text
    return "".join(
        letter if letter.isprintable() and not UNSEEN.match(letter) else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def indent(text: str) -> str:
    """Escape and indent the lines of a traceback, so that an exception's text can't look like a record."""
    return "\n".join(INDENT + escape(line) for line in text.split("\n"))


class Record(logging.LogRecord):
    """A record whose message is escaped, whatever handler and formatter write it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info:
            # Formatters use this instead of their own text.
            self.exc_text = indent(logging.Formatter().formatException(self.exc_info))
        if self.stack_info:
            self.stack_info = indent(self.stack_info)

    def getMessage(self) -> str:
        return escape(super().getMessage())


class Formatter(logging.Formatter):
    """logging's formatter, which formats the time of each second once."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return f"{time_of(int(record.created))},{int(record.msecs):03}"


@lru_cache(1)
def time_of(second: int) -> str:
    return time.strftime(logging.Formatter.default_time_format, time.localtime(second))


def install() -> None:
    """Make all loggers of this process, including those of libraries, use Record."""
    logging.setLogRecordFactory(Record)


def set_up() -> None:
    """Log to stderr, including uncaught exceptions of threads and destructors."""
    install()
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable


def _log_thread(args: Any) -> None:
    if args.exc_type is not SystemExit:
        name = args.thread.name if args.thread else "?"
        logging.error("the thread %s failed", name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))


def _log_unraisable(args: Any) -> None:
    caught = (args.exc_type, args.exc_value, args.exc_traceback)
    logging.error("%s: %r", args.err_msg or "ignored", args.object, exc_info=caught)
