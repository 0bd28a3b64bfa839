"""A username is somebody: nobody else's looks like it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import names


def reason(username: str) -> str:
    with pytest.raises(names.BadName) as bad:
        names.check(username)
    return bad.value.reason


@pytest.mark.parametrize(
    "username",
    ["ann", "Bob_2", "a.b-c", "1st", "анна", "Ёжик", "山田たろう", "カーター", "佐々木ひとみ", "한국어",
     "محمد", "עברית", "हिन्दी", "กรุงเทพ", "ქართული", "Ελένη", "Zoë", "a" * 32],
)  # fmt: skip
def test_a_name_of_any_alphabet_is_good(username: str) -> None:
    assert names.check(username) == username


@pytest.mark.parametrize("username", ["ab", "", "  a  ", "é"])
def test_a_name_may_be_too_short(username: str) -> None:
    assert reason(username) == "short"


def test_a_name_may_be_too_long() -> None:
    assert reason("a" * 33) == "long"
    assert reason("\ufdfa" * 900_000) == "long"


def test_the_bounds_are_those_handed_in() -> None:
    assert names.check("a", least=1) == "a"
    with pytest.raises(names.BadName):
        names.check("abcd", most=3)


@pytest.mark.parametrize(
    "username",
    ["an n", "ann!", "ann/bob", "<ann>", ".ann", "-ann", "_ann", "ann\u200bx", "an\u200dn", "ann\ufe0f",
     "an\u034fn", "\u3164\u3164\u3164",
     "\u115f\u115f\u115f", "ann\u202e", "ann\udc00", "ann\x00", "\u0301ann", "a\u0301-\u0301b",
     "ann\U0001f600", "x\u0323\u0323yz",
     "عـلي", "\u17b4\u17b5\u17b4", "ann\u20dd", "@ann", "ann\u00ad"],
)  # fmt: skip
def test_a_name_has_letters_digits_and_three_marks_only(username: str) -> None:
    assert reason(username) == "characters"


@pytest.mark.parametrize("username", ["аnn", "annа", "Ελenη", "ann山", "アnn", "annم", "аbв1", "abc\u0902", "кoт"])
def test_a_name_is_of_one_alphabet(username: str) -> None:
    assert reason(username) == "mixed"


def test_a_name_is_kept_in_its_normal_form() -> None:
    assert names.check("Ａｎｎ") == "Ann"
    assert names.check("zoe\u0308") == "zoë"
    assert names.check("  ann ") == "ann"


@pytest.mark.parametrize(("one", "other"), [("Ann", "aNN"), ("Straße", "STRASSE"), ("Ёжик", "ЁЖИК"), ("ﬁne", "FINE")])
def test_letter_case_does_not_tell_names_apart(one: str, other: str) -> None:
    assert names.key(one) == names.key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("bob", "b0b"), ("ann", "аnn"), ("mat", "rnat"), ("сора", "copa"), ("Ivan", "lvan"), ("ann1", "annl"),
     ("paypal", "раураl"),
     ("вор", "BOP"), ("кот", "KOT"), ("мама", "MAMA"), ("wow", "vvow"), ("ОСА", "oca"), ("ous", "סus"),
     ("Μαρια", "mapia"),
     ("O0o", "ooo"), ("modern", "modem")],
)  # fmt: skip
def test_names_that_look_alike_are_one(one: str, other: str) -> None:
    assert names.skeleton(one) == names.skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("ann", "anna"), ("bob", "rob"), ("carol", "karol"), ("clan", "dan"), ("сергей", "сергеи"), ("Петя",
     "Пётя"), ("nun", "vuv"),
     ("yes", "ues"), ("ann.b", "ann_b"), ("анна", "инна"), ("山田", "山口"), ("zoe", "zoë")],
)  # fmt: skip
def test_names_that_look_different_are_two(one: str, other: str) -> None:
    assert names.skeleton(one) != names.skeleton(other)


def test_latin_letters_but_the_known_few_and_those_of_russian_are_told_apart() -> None:
    latin = [names.skeleton(letter) for letter in "abcdefghjklmnopqrstuvwxyz23456789"]
    assert len(set(latin)) == len(latin)
    russian = [names.skeleton(letter) for letter in "абвгдеёжзийклмнопрстуфхцчшщъыэюя"]
    assert len(set(russian)) == len(russian)


@given(st.text(max_size=40))
@settings(deadline=None)
def test_a_good_name_stays_good_and_keeps_its_key_and_skeleton_in_any_case(username: str) -> None:
    try:
        name = names.check(username)
    except names.BadName as bad:
        assert bad.reason in {"short", "long", "characters", "mixed"}
        return
    assert names.check(name) == name
    assert names.key(names.key(name)) == names.key(name)
    assert names.skeleton(names.key(name)) == names.skeleton(name)
    assert not [letter for letter in name if unicodedata.category(letter)[0] in "CZS"]


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789авеіорсуxyz._-", min_size=3, max_size=12))
@settings(deadline=None)
def test_the_skeleton_does_not_depend_on_letter_case(username: str) -> None:
    assert names.skeleton(username.upper()) == names.skeleton(username)
