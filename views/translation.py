"""Sentences in the reader's language. Flask-Babel looks for the language again for each one; a page has a hundred."""

from __future__ import annotations

from typing import Any

from flask import Flask, g
from flask_babel import get_locale, get_translations


def translations() -> Any:
    if "translations" not in g:
        g.translations = get_translations()
    return g.translations


def language() -> str:
    """The reader's language."""
    return str(getattr(get_locale(), "language", "en"))


def gettext(message: str, **params: Any) -> str:
    text: str = translations().ugettext(message)
    return text % params if params else text


def ngettext(singular: str, plural: str, num: int, **params: Any) -> str:
    text: str = translations().ungettext(singular, plural, num)
    return text % {"num": num, **params}


def install(app: Flask) -> None:
    """Let templates translate by these."""
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda message: translations().ugettext(message),
        ngettext=lambda singular, plural, num: translations().ungettext(singular, plural, num),
        newstyle=True,
    )
