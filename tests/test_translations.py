"""Nobody who reads Russian meets an English sentence."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import force_locale, ngettext

ROOT = Path(__file__).resolve().parent.parent
RUSSIAN = ROOT / "translations/ru/LC_MESSAGES"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "_l": None, "words": None}
SIGN = re.compile(r"%\((\w+)\)[sd]")


def source_messages() -> set[str]:
    """Every sentence that code and templates mark for translation."""
    with (ROOT / "translations/babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)
    found = extract_from_dir(ROOT, methods, options, KEYWORDS)
    return {text[0] if isinstance(text, tuple) else text for _, _, text, _, _ in found}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    with (RUSSIAN / "messages.po").open("rb") as file:
        return read_po(file, locale="ru")


def sentences(message: Message) -> tuple[list[str], list[str]]:
    """What stands there in English and in Russian, all plural forms."""
    english = list(message.id) if isinstance(message.id, tuple) else [str(message.id)]
    russian = list(message.string) if isinstance(message.string, tuple) else [str(message.string)]
    return english, russian


def test_every_sentence_is_translated(catalog: Catalog) -> None:
    known = {m.id[0] if isinstance(m.id, tuple) else m.id for m in catalog if m.id}
    assert source_messages() - known == set(), "bin/translate collects them"
    assert known - source_messages() == set(), "nobody says this any more: bin/translate"
    for message in catalog:
        if message.id:
            assert all(sentences(message)[1]), f"not translated: {message.id}"
            assert not message.fuzzy, message.id


def test_translations_keep_what_is_filled_in(catalog: Catalog) -> None:
    for message in catalog:
        if message.id:
            english, russian = sentences(message)
            wanted = set(SIGN.findall(english[-1]))
            assert all(set(SIGN.findall(form)) <= wanted for form in russian), message.id
            assert set(SIGN.findall(russian[-1])) == wanted, message.id


def test_plural_sentences_have_the_three_russian_forms(catalog: Catalog) -> None:
    plural = [message for message in catalog if isinstance(message.id, tuple)]
    assert plural
    assert all(len(message.string) == 3 for message in plural)


def test_what_is_compiled_is_what_stands_there(catalog: Catalog) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    with (RUSSIAN / "messages.mo").open("rb") as file:
        shipped = {str(m.id): m.string for m in read_mo(file) if m.id}
    assert shipped == {str(m.id): m.string for m in read_mo(compiled) if m.id}, "bin/translate compiles it"


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 участник"), (2, "2 участника"), (5, "5 участников"), (21, "21 участник")]
)
def test_members_are_counted_as_russian_counts(app: Flask, count: int, words: str) -> None:
    with app.test_request_context(), force_locale("ru"):
        assert ngettext("%(num)d member", "%(num)d members", count) == words
