"""A username is somebody: nobody else's looks like it."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from people import PASSWORD, Anyone, Api, with_former_name

import models
from actions import accounts
from lib import usernames
from models import User
from models.user import Claim


def reason(username: str) -> str:
    with pytest.raises(usernames.BadName) as bad:
        usernames.check(username)
    return bad.value.reason


@pytest.mark.parametrize(
    "username",
    ["ann", "Bob_2", "a.b-c", "1st", "анна", "Ёжик", "山田たろう", "カーター", "佐々木ひとみ", "한국어",
     "محمد", "עברית", "हिन्दी", "กรุงเทพ", "ქართული", "Ελένη", "Zoë", "a" * 32],
)  # fmt: skip
def test_a_name_of_any_alphabet_is_good(username: str) -> None:
    assert usernames.check(username) == username


@pytest.mark.parametrize("username", ["ab", "", "  a  ", "é"])
def test_a_name_may_be_too_short(username: str) -> None:
    assert reason(username) == "short"


def test_a_name_may_be_too_long() -> None:
    assert reason("a" * 33) == "long"
    assert reason("\ufdfa" * 900_000) == "long"


def test_the_bounds_are_those_handed_in() -> None:
    assert usernames.check("a", least=1) == "a"
    with pytest.raises(usernames.BadName):
        usernames.check("abcd", most=3)


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


@pytest.mark.parametrize(
    "username",
    ["ann.", "ann_", "ann-", "a..b", "a._b", "a--b", "ann._-", "анна.", "ann．", "ann..", "a.-.b", "محمد_"],
)
def test_a_name_neither_ends_with_a_mark_nor_has_two_in_a_row(username: str) -> None:
    assert reason(username) == "marks"
    assert usernames.check(username, had=True)


def test_a_name_is_kept_in_its_normal_form() -> None:
    assert usernames.check("Ａｎｎ") == "Ann"
    assert usernames.check("zoe\u0308") == "zoë"
    assert usernames.check("  ann ") == "ann"


@pytest.mark.parametrize(("one", "other"), [("Ann", "aNN"), ("Straße", "STRASSE"), ("Ёжик", "ЁЖИК"), ("ﬁne", "FINE")])
def test_letter_case_does_not_distinguish_names(one: str, other: str) -> None:
    assert usernames.key(one) == usernames.key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("bob", "b0b"), ("ann", "аnn"), ("mat", "rnat"), ("сора", "copa"), ("Ivan", "lvan"), ("ann1", "annl"),
     ("paypal", "раураl"),
     ("вор", "BOP"), ("кот", "KOT"), ("мама", "MAMA"), ("wow", "vvow"), ("ОСА", "oca"), ("ous", "סus"),
     ("Μαρια", "mapia"),
     ("O0o", "ooo"), ("modern", "modem")],
)  # fmt: skip
def test_names_that_look_alike_are_one(one: str, other: str) -> None:
    assert usernames.skeleton(one) == usernames.skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("ann", "anna"), ("bob", "rob"), ("carol", "karol"), ("clan", "dan"), ("сергей", "сергеи"), ("Петя",
     "Пётя"), ("nun", "vuv"),
     ("yes", "ues"), ("ann.b", "ann_b"), ("анна", "инна"), ("山田", "山口"), ("zoe", "zoë")],
)  # fmt: skip
def test_names_that_look_different_are_two(one: str, other: str) -> None:
    assert usernames.skeleton(one) != usernames.skeleton(other)


def test_latin_letters_but_the_known_few_and_those_of_russian_are_distinct() -> None:
    latin = [usernames.skeleton(letter) for letter in "abcdefghjklmnopqrstuvwxyz23456789"]
    assert len(set(latin)) == len(latin)
    russian = [usernames.skeleton(letter) for letter in "абвгдеёжзийклмнопрстуфхцчшщъыэюя"]
    assert len(set(russian)) == len(russian)


@given(st.text(max_size=40))
@settings(deadline=None)
def test_a_good_name_stays_good_and_keeps_its_key_and_skeleton_in_any_case(username: str) -> None:
    try:
        name = usernames.check(username)
    except usernames.BadName as bad:
        assert bad.reason in {"short", "long", "characters", "marks", "mixed"}
        return
    assert usernames.check(name) == name
    assert usernames.key(usernames.key(name)) == usernames.key(name)
    assert usernames.skeleton(usernames.key(name)) == usernames.skeleton(name)
    assert not [letter for letter in name if unicodedata.category(letter)[0] in "CZS"]


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789авеіорсуxyz._-", min_size=3, max_size=12))
@settings(deadline=None)
def test_the_skeleton_does_not_depend_on_letter_case(username: str) -> None:
    assert usernames.skeleton(username.upper()) == usernames.skeleton(username)


# Tricks

SMALL_CAPITALS = dict(zip("abcdefghijklmnoprstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", strict=True))
STROKES = dict(zip("abcdefghijklmnopqrtuyz", "ⱥƀȼđɇꞙǥħɨɉꝁłɱꞥøᵽꝗɍŧʉɏƶ", strict=True))
HOOKS = dict(zip("bcdfghkmnpqrstvwyz", "ɓƈɗƒɠɦƙɱɲƥʠɽʂƭʋⱳƴȥ", strict=True))
CIRCLED = {letter: chr(0x24D0 + at) for at, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
BOLD = {letter: chr(0x1D41A + at) for at, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
WIDE = {letter: chr(0xFF41 + at) for at, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
RAISED = dict(zip("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))
CHEROKEE = dict(zip("abcdeghijklmprstvwz", "ᎪᏏᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᏃ", strict=True))
LISU = dict(zip("abcdefghijklmnoprstuvwxyz", "ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜ", strict=True))
ALPHABETS = [SMALL_CAPITALS, STROKES, HOOKS, CIRCLED, BOLD, WIDE, RAISED, LISU]
TRICKS = [
    *(lambda name, table=table: "".join(table.get(letter, letter) for letter in name) for table in ALPHABETS),
    # One letter alone is overlooked more easily than all of them.
    *(lambda name, table=table: table.get(name[0], name[0]) + name[1:] for table in ALPHABETS),
    *(lambda name, mark=mark: name + mark for mark in ("._", ".", "_", "-", "..")),
    *(
        lambda name, mark=mark: "".join(letter + mark if letter not in usernames.MARKS else letter for letter in name)
        for mark in "\u0307\u0323\u0324\u0325\u0327\u0328\u0331\u0335\u0338\u0315\u0358"
    ),
    lambda name: name.replace("i", "ı"),
    lambda name: name.replace("i", "ı\u0307"),
    lambda name: name.replace("i", "i\u0307"),
    lambda name: name.replace("i", "í").replace("l", "ĺ"),
    lambda name: name.replace("i", "ɩ"),
    lambda name: name.replace("l", "I"),
    lambda name: name.replace("o", "0"),
    lambda name: name.replace("a", "ɑ"),
    lambda name: name.replace("g", "ɡ"),
    str.upper,
]
NAMES = [
    "bill",
    "ann",
    "root",
    "admin",
    "william",
    "kim",
    "eliza",
    "olaf",
    "frank.z",
    "mary-jo",
    "x1y2z3",
    "pavel_k",
    "u00",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_trick_gives_a_name_that_looks_like_another(name: str) -> None:
    for number, trick in enumerate(TRICKS):
        made = trick(name)
        assert usernames.skeletons(made) & usernames.skeletons(name), (number, made)


@pytest.mark.parametrize("name", ["bill", "ascl", "darll", "seth"])
def test_letters_of_the_cherokee_are_taken_for_latin_ones(name: str) -> None:
    made = "".join(CHEROKEE[letter] for letter in name if letter in CHEROKEE)
    latin = "".join(letter for letter in name if letter in CHEROKEE)
    for written in (made, made.lower()):
        assert usernames.skeletons(written) & usernames.skeletons(latin), written


@given(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=3, max_size=12),
    st.lists(st.sampled_from(TRICKS), max_size=3),
)
def test_nor_do_several_at_once(name: str, tricks: list[Callable[[str], str]]) -> None:
    made = name
    for trick in tricks:
        made = trick(made)
    try:
        usernames.check(made, most=64)
    except usernames.BadName:
        return
    assert usernames.skeletons(made) & usernames.skeletons(name), (made, usernames.skeletons(made))


def test_a_former_skeleton_stays_one_so_that_the_names_of_closed_accounts_stay_taken() -> None:
    for name in (*NAMES, "Ёжик", "zoë", "ann.b", "søren", "żaneta"):
        assert usernames.former_skeleton(usernames.key(name)) in usernames.skeletons(name)


# Whose names they are


def status(anyone: Anyone, username: str) -> int:
    return anyone.api.post("/api/users", json={"username": username, "password": PASSWORD}).status_code


@pytest.mark.parametrize("username", ["bı̇ll", "ʙɪʟʟ", "bill.", "bill_", "ƀill", "bi̇ll", "ꓐꓲꓡꓡ", "BILL", "bìll"])
def test_nobody_else_comes_to_look_like_somebody(anyone: Anyone, username: str) -> None:
    assert status(anyone, "bill") == 201
    assert status(anyone, username) == (422 if username[-1] in usernames.MARKS else 409)
    assert status(anyone, "billy") == 201


@pytest.fixture
def before(app: Flask) -> list[User]:
    """People with names of the time before, as the database of that time kept them."""
    people = [with_former_name(name) for name in ("bill", "bı̇ll", "ʙɪʟʟ", "bill.", "dora_", "ann..b", "ʙᴏʙ")]
    Claim.delete().execute()
    for user in people:
        written = unicodedata.normalize("NFKC", user.username)
        kept = {usernames.former_skeleton(form) for form in (usernames.key(written), written, written.upper())}
        for form in kept:
            Claim.insert(user=user, digest=hashlib.sha256(form.encode()).hexdigest()).on_conflict_ignore().execute()
    models.database.execute_sql("DELETE FROM migration WHERE name = 'm0014_claims'")
    assert models.migrate() == ["m0014_claims"]
    return people


def test_people_keep_the_names_that_they_have(app: Flask, before: list[User]) -> None:
    for user in before:
        api = Api(app)
        answer = api.post("/api/users/login", json={"username": user.username, "password": PASSWORD})
        assert answer.status_code == 200, user.username
        api.token = answer.get_json()["token"]
        for spelled in (user.username.upper(), user.username):
            if usernames.key(spelled) != user.username_key:
                continue
            changed = api.patch("/api/users/me", json={"username": spelled, "name": "x"})
            assert (changed.status_code, changed.get_json()["username"]) == (200, spelled), changed.text
        assert api.patch("/api/users/me", json={"username": f"{user.username}."}).status_code == 422


@pytest.mark.parametrize("username", ["dora", "đora", "bob", "b0b", "ann.b", "Bìll", "ʙob"])
def test_people_of_before_are_guarded_too(before: list[User], anyone: Anyone, username: str) -> None:
    assert status(anyone, username) == 409


def test_the_name_of_a_closed_account_stays_taken(anyone: Anyone, before: list[User]) -> None:
    accounts.close(before[0], PASSWORD)
    assert status(anyone, "bill") == 409
    assert status(anyone, "BıLL") == 409


def test_the_page_shows_the_rule(anyone: Anyone) -> None:
    page = anyone.browser.get("/register")
    assert "3 to 32 letters and digits, in one alphabet. You can use “.”, “_” and “-” in between." in page.text
    refused = anyone.browser.submit("/register", username="ann.", password=PASSWORD, repeat=PASSWORD)
    assert "Start and end with a letter or digit, and don’t put “.”, “_” or “-” side by side." in refused.text
