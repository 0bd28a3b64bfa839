"""Templates of rows, and parts that all pages share: rendered once per language (docs/decisions/0037)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from flask import current_app, render_template
from markupsafe import Markup

from lib.slots import SlotTemplate
from views.translation import language

INDENTATION = re.compile(r"\n\s+")


def row_template(name: str) -> SlotTemplate:
    """The template `parts/NAME.html` in the reader's language."""
    clear_cache_in_debug()
    return _row_template(name, language())


@cache
def _row_template(name: str, language: str) -> SlotTemplate:
    return SlotTemplate(INDENTATION.sub("\n", render_template(f"parts/{name}.html")).strip() + "\n")


def row_source(name: str) -> Markup:
    """The template itself, for the browser to fill."""
    return row_template(name).source


def shared_part(file: str, macro: str, *arguments: Any) -> Markup:
    """The output of a macro of `parts/FILE.html`, cached per language."""
    clear_cache_in_debug()
    return _shared_part(language(), file, macro, *arguments)


@cache
def _shared_part(language: str, file: str, macro: str, *arguments: Any) -> Markup:
    module = current_app.jinja_env.get_template(f"parts/{file}.html").make_module()
    return Markup(INDENTATION.sub("\n", getattr(module, macro)(*arguments)))


def clear_cache_in_debug() -> None:
    """In debug mode, drop cached templates, since a file may have been edited."""
    if current_app.debug:
        _row_template.cache_clear()
        _shared_part.cache_clear()
