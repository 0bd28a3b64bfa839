"""/api/users: accounts, tokens, profiles."""

from __future__ import annotations

import io
import time
import unicodedata
from typing import Any

import bcrypt
import jwt
import pytest
from flask import Flask
from people import PASSWORD, Anyone, Person
from PIL import Image

from actions import accounts
from auth import THROTTLES
from config import Settings
from models import Chat, User, limits
from models import password as passwords

USER = {"id", "username", "name", "about", "avatar_url", "created_at"}


def picture(kind: str = "PNG") -> io.BytesIO:
    drawn = io.BytesIO()
    Image.new("RGB", (300, 200), "olive").save(drawn, kind)
    drawn.seek(0)
    return drawn


def test_an_account_is_opened(anyone: Anyone) -> None:
    sent = {"username": "Ann", "password": PASSWORD, "name": "Ann of the garden", "about": "Grows tomatoes"}
    answer = anyone.api.post("/api/users", json=sent)
    assert answer.status_code == 201
    user = answer.get_json()
    assert set(user) == USER
    assert (user["username"], user["name"], user["about"]) == ("Ann", "Ann of the garden", "Grows tomatoes")
    assert answer.headers["Location"] == f"/api/users/{user['id']}"
    assert user["created_at"].endswith("Z")


@pytest.mark.parametrize("username", ["ann", "ANN", "аnn", "Аnn"])
def test_a_name_that_is_or_looks_the_same_is_taken(anyone: Anyone, ann: Person, username: str) -> None:
    answer = anyone.api.post("/api/users", json={"username": username, "password": PASSWORD})
    # A mixture of alphabets is refused even before.
    assert answer.status_code == (409 if username.isascii() else 422)
    assert "username" in answer.get_json()["errors"]


def test_look_alikes_of_one_alphabet_are_taken(anyone: Anyone) -> None:
    for username, status in (("сора", 201), ("copa", 409), ("b0b", 201), ("bob", 409)):
        answer = anyone.api.post("/api/users", json={"username": username, "password": PASSWORD})
        assert answer.status_code == status, username


@pytest.mark.parametrize("username", ["Борис", "δημήτρης", "たろう", "a.b-c_d", "x" * 32, "محمد"])
def test_names_of_any_alphabet_are_welcome(anyone: Anyone, username: str) -> None:
    answer = anyone.api.post("/api/users", json={"username": username, "password": PASSWORD})
    assert answer.status_code == 201
    assert answer.get_json()["username"] == username


@pytest.mark.parametrize(
    "username", ["", "ab", "x" * 33, "a b", "ann!", "<b>ann", "ann\u200b", "ann\u202eb", "@ann", "ann\nb", "..."]
)
def test_other_names_are_refused_by_name_of_the_field(anyone: Anyone, username: str) -> None:
    answer = anyone.api.post("/api/users", json={"username": username, "password": PASSWORD})
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {"username"}


@pytest.mark.parametrize("password", ["", "short", "x" * 257, "password123", "Password123"])
def test_weak_and_overlong_passwords_are_refused(anyone: Anyone, password: str) -> None:
    answer = anyone.api.post("/api/users", json={"username": "ann", "password": password})
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {"password"}


def test_all_errors_are_reported_at_once(anyone: Anyone) -> None:
    answer = anyone.api.post("/api/users", json={"username": "a", "password": "b", "name": "x" * 101})
    assert set(answer.get_json()["errors"]) == {"username", "password", "name"}


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_password_matches_in_any_unicode_form(anyone: Anyone, form: Any) -> None:
    password = unicodedata.normalize(form, "Zoë und Åsa 여행")
    assert anyone.api.post("/api/users", json={"username": "zoe", "password": password}).status_code == 201
    for typed in ("NFC", "NFD"):
        sent = {"username": "zoe", "password": unicodedata.normalize(typed, password)}
        assert anyone.api.post("/api/users/login", json=sent).status_code == 200, typed


def test_a_password_hashed_before_normalization_still_matches(anyone: Anyone, ann: Person) -> None:
    typed = unicodedata.normalize("NFD", "Zoë und Åsa")
    kept = bcrypt.hashpw(passwords.digest(typed), bcrypt.gensalt(4)).decode()
    User.update(password=kept).where(User.id == ann.user.id).execute()
    assert anyone.api.post("/api/users/login", json={"username": "ann", "password": typed}).status_code == 200
    assert anyone.api.post("/api/users/login", json={"username": "ann", "password": "Zoe und Asa"}).status_code == 401


def test_every_character_of_a_password_counts(anyone: Anyone) -> None:
    """bcrypt alone would look at 72 bytes: 36 Cyrillic letters."""
    long = "щ" * 200
    anyone.api.post("/api/users", json={"username": "ann", "password": long + "а"})
    for end, status in (("а", 200), ("б", 401)):
        sent = {"username": "ann", "password": long + end}
        assert anyone.api.post("/api/users/login", json=sent).status_code == status


def test_logging_in_gives_a_token(anyone: Anyone, ann: Person) -> None:
    answer = anyone.api.post("/api/users/login", json={"username": "ANN", "password": PASSWORD})
    assert answer.status_code == 200
    body = answer.get_json()
    assert set(body) == {"token", "expires_at", "user"}
    assert body["user"]["id"] == ann.id
    assert ann.api.get("/api/users/me", headers={"Authorization": f"bearer {body['token']}"}).status_code == 200


def test_an_unknown_name_and_a_wrong_password_look_the_same(anyone: Anyone, ann: Person) -> None:
    answers = [
        anyone.api.post("/api/users/login", json={"username": name, "password": "not this one"})
        for name in ("ann", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].data == answers[1].data
    assert all(answer.headers["WWW-Authenticate"].startswith("Bearer") for answer in answers)


def test_logging_out_ends_only_this_token(ann: Person, anyone: Anyone) -> None:
    other = anyone.api.post("/api/users/login", json={"username": "ann", "password": PASSWORD}).get_json()["token"]
    assert ann.api.post("/api/users/logout").status_code == 204
    assert ann.api.get("/api/users/me").status_code == 401
    ann.api.token = other
    assert ann.api.get("/api/users/me").status_code == 200


def forged(app: Flask, ann: Person, **changed: Any) -> str:
    """A token as ann's, but for some claims."""
    key = changed.pop("key", app.config["JWT_KEY"])
    algorithm = changed.pop("algorithm", "HS256")
    claims = jwt.decode(ann.api.token or "", options={"verify_signature": False})
    claims.update(changed)
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm=algorithm)


@pytest.mark.parametrize(
    "changed",
    [
        {"key": "another key that is long enough, too"},
        {"key": None, "algorithm": "none"},
        {"algorithm": "HS512"},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"jti": None},
        {"exp": 1},
        {"sub": "999"},
        {"jti": "made up"},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_forged_token_is_refused(app: Flask, ann: Person, changed: dict[str, Any]) -> None:
    answer = ann.api.get("/api/users/me", headers={"Authorization": f"Bearer {forged(app, ann, **changed)}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YW5uOmI=", "Bearer a.b.c", "Bearer é"])
def test_a_missing_token_is_refused(ann: Person, header: str) -> None:
    assert ann.api.get("/api/users/me", headers={"Authorization": header}).status_code == 401


def test_a_token_in_the_url_or_a_cookie_is_refused(app: Flask, ann: Person) -> None:
    client = app.test_client()
    client.set_cookie("token", ann.api.token or "")
    assert client.get(f"/api/users/me?token={ann.api.token}&access_token={ann.api.token}").status_code == 401
    assert ann.browser.get("/api/users/me").status_code == 401


def test_people_are_found_by_prefix(ann: Person, bob: Person, carol: Person) -> None:
    accounts.change(bob.user, name="Анна Петровна")
    names = [user["username"] for user in ann.api.get("/api/users?q=AN").get_json()["items"]]
    assert names == ["ann"]
    assert [u["username"] for u in ann.api.get("/api/users?q=анна").get_json()["items"]] == ["bob"]
    assert len(ann.api.get("/api/users").get_json()["items"]) == 3


def test_the_list_of_people_has_pages(ann: Person, bob: Person, carol: Person) -> None:
    seen, address = [], "/api/users?limit=1"
    while address:
        page = ann.api.get(address).get_json()
        seen += [user["username"] for user in page["items"]]
        address = page["next"]
    assert seen == ["ann", "bob", "carol"]


def test_a_profile_is_changed(ann: Person) -> None:
    answer = ann.api.patch(
        "/api/users/me", json={"name": " Ann \u202e ", "about": "Hi", "language": "ru", "theme": "dark"}
    )
    assert answer.status_code == 200
    assert (answer.get_json()["name"], answer.get_json()["about"]) == ("Ann", "Hi")
    assert ann.api.patch(f"/api/users/{ann.id}", json={"username": "ann.b"}).get_json()["username"] == "ann.b"


def test_invalid_changes_are_refused_as_a_whole(ann: Person, bob: Person) -> None:
    for sent, status, field in (
        ({"name": "Good", "username": "bob"}, 409, "username"),
        ({"name": "Good", "about": "x" * 501}, 422, "about"),
        ({"name": "Good", "language": "de"}, 422, "language"),
        ({"name": "Good", "id": 7}, 422, "id"),
        ({"name": "Good", "is_admin": True}, 422, "is_admin"),
        ({"name": "Good", "password": "another long phrase"}, 422, "current_password"),
        ({"name": "Good", "password": "another long phrase", "current_password": "x"}, 422, "current_password"),
        ({"name": "Good", "password": "x", "current_password": PASSWORD}, 422, "password"),
        ({"name": None}, 422, "name"),
    ):
        answer = ann.api.patch("/api/users/me", json=sent)
        assert answer.status_code == status, sent
        assert set(answer.get_json()["errors"]) == {field}
    assert ann.api.get("/api/users/me").get_json()["name"] == ""


def test_a_new_password_ends_everything_else(ann: Person, anyone: Anyone) -> None:
    other = anyone.api.post("/api/users/login", json={"username": "ann", "password": PASSWORD}).get_json()["token"]
    assert ann.browser.get("/settings").status_code == 200
    changed = {"password": "another long phrase", "current_password": PASSWORD}
    assert ann.api.patch("/api/users/me", json=changed).status_code == 200
    assert ann.api.get("/api/users/me").status_code == 200
    assert ann.api.get("/api/users/me", headers={"Authorization": f"Bearer {other}"}).status_code == 401
    assert ann.browser.get("/settings").status_code == 302
    for password, status in ((PASSWORD, 401), ("another long phrase", 200)):
        sent = {"username": "ann", "password": password}
        assert anyone.api.post("/api/users/login", json=sent).status_code == status


def test_an_avatar_is_a_square_for_everyone_signed_in(ann: Person, bob: Person, anyone: Anyone) -> None:
    answer = ann.api.put("/api/users/me/avatar", data={"file": (picture(), "me.png")})
    assert answer.status_code == 200
    address = answer.get_json()["avatar_url"]
    with bob.api.get(address) as seen:
        assert Image.open(io.BytesIO(seen.data)).size == (256, 256)
    assert anyone.api.get(address).status_code == 302
    assert ann.api.delete("/api/users/me/avatar").status_code == 204
    assert ann.api.get("/api/users/me").get_json()["avatar_url"] is None
    assert bob.api.get(address).status_code == 404


def test_a_former_picture_is_kept_nowhere(ann: Person, chat: Chat, settings: Settings) -> None:
    def stored() -> int:
        return sum(path.is_file() for path in settings.media_dir.rglob("*"))

    for path in ("/api/users/me/avatar", f"/api/chats/{chat.id}/picture"):
        for _ in range(2):
            assert ann.api.put(path, data={"file": (picture(), "me.png")}).status_code == 200
            assert stored() == 1, path
        assert ann.api.delete(path).status_code == 204
        assert stored() == 0, path


@pytest.mark.parametrize("content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a nothing", b"%PDF-1.7"])
def test_an_avatar_that_is_not_a_picture_is_refused(ann: Person, content: bytes) -> None:
    answer = ann.api.put("/api/users/me/avatar", data={"file": (io.BytesIO(content), "me.png")})
    assert answer.status_code == 422
    assert "file" in answer.get_json()["errors"]


@pytest.mark.parametrize("path", ["/api/users/me/avatar", "/api/chats/{chat}/picture"])
@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({"other": "x"}, {"file", "other"}),
        ({"file": "words"}, {"file"}),
        ({"picture": (io.BytesIO(b"x"), "x.png")}, {"file", "picture"}),
        ({"file": (io.BytesIO(b""), "")}, {"file"}),
    ],
)
def test_a_picture_without_its_file_names_the_field(
    ann: Person, chat: Chat, path: str, sent: dict[str, Any], fields: set[str]
) -> None:
    sent = {
        name: (io.BytesIO(value[0].getvalue()), value[1]) if isinstance(value, tuple) else value
        for name, value in sent.items()
    }
    answer = ann.api.put(path.format(chat=chat.id), data=sent, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert fields <= set(answer.get_json()["errors"])


def test_a_picture_is_sent_as_multipart(ann: Person) -> None:
    assert ann.api.put("/api/users/me/avatar", json={}).status_code == 415


def test_a_deleted_account_leaves_its_messages_and_keeps_its_name(ann: Person, bob: Person, anyone: Anyone) -> None:
    chat = ann.starts("Garden", bob)
    accounts.change(bob.user, name="Robert")
    message = bob.posts(chat, "I was here")
    assert bob.api.delete("/api/users/me", json={"current_password": "wrong one"}).status_code == 422
    assert bob.api.delete("/api/users/me", json={"current_password": PASSWORD}).status_code == 204
    assert bob.api.get("/api/users/me").status_code == 401
    assert ann.api.get(f"/api/users/{bob.id}").status_code == 404
    message_json = ann.api.get(f"/api/messages/{message.id}").get_json()
    assert (message_json["author"], message_json["text"]) == (None, "I was here")
    members = ann.api.get(f"/api/chats/{chat.id}/members").get_json()["items"]
    assert [member["user"]["username"] for member in members] == ["ann"]
    again = anyone.api.post("/api/users", json={"username": "bob", "password": PASSWORD})
    assert again.status_code == 409


def test_only_the_guesser_is_throttled(anyone: Anyone, ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "throttled", True)
    wrong, right = ({"username": "ann", "password": word} for word in ("not this one", PASSWORD))
    tried = [anyone.api.post("/api/users/login", json=wrong) for _ in range(11)]
    assert [answer.status_code for answer in tried] == [401] * 10 + [429]
    assert 1 <= int(tried[-1].headers["Retry-After"]) <= 901
    assert anyone.api.post("/api/users/login", json=right).status_code == 429
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert anyone.api.post("/api/users/login", json=right, environ_base=elsewhere).status_code == 200


def test_correct_passwords_do_not_count_as_attempts(
    anyone: Anyone, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A school behind one address logs in as often as it likes."""
    monkeypatch.setattr(limits, "throttled", True)
    right = {"username": "ann", "password": PASSWORD}
    assert {anyone.api.post("/api/users/login", json=right).status_code for _ in range(110)} == {200}


def test_a_token_expires(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.time_ns() + 31 * 86_400 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert ann.api.get("/api/users/me").status_code == 401


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({}, {"username", "password"}),
        ({"username": "ann"}, {"password"}),
        ({"username": 7, "password": True}, {"username", "password"}),
        ({"username": None, "password": PASSWORD}, {"username"}),
        ({"username": "ann", "password": PASSWORD, "name": None}, {"name"}),
        ({"username": "ann", "password": PASSWORD, "name": "\ud800"}, {"name"}),
        ({"username": "ann", "password": PASSWORD, "about": "x" * 501}, {"about"}),
        ({"username": "ann", "password": PASSWORD, "is_admin": True, "id": 1}, {"is_admin", "id"}),
    ],
)
def test_a_wrong_registration_names_each_field(anyone: Anyone, sent: dict[str, Any], fields: set[str]) -> None:
    answer = anyone.api.post("/api/users", json=sent)
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == fields


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({}, {"username", "password"}),
        ({"username": "ann", "password": None}, {"password"}),
        ({"username": "ann", "password": PASSWORD, "remember": True}, {"remember"}),
    ],
)
def test_a_wrong_login_body_names_each_field(anyone: Anyone, sent: dict[str, Any], fields: set[str]) -> None:
    answer = anyone.api.post("/api/users/login", json=sent)
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == fields


def test_registering_is_throttled(anyone: Anyone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "throttled", True)
    monkeypatch.setitem(THROTTLES, "register", (2, 3600))
    answers = [
        anyone.api.post("/api/users", json={"username": f"person{n}", "password": PASSWORD}) for n in ("a", "b", "c")
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3601
    assert answers[-1].content_type == "application/problem+json"


def test_guessing_the_password_with_a_stolen_token_is_throttled(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "throttled", True)
    wrong = {"password": "another long phrase", "current_password": "not this one"}
    tried = [ann.api.patch("/api/users/me", json=wrong) for _ in range(10)]
    tried.append(ann.api.delete("/api/users/me", json={"current_password": "not this one"}))
    assert [answer.status_code for answer in tried] == [422] * 10 + [429]


def test_omitted_fields_stay_unchanged(ann: Person) -> None:
    ann.api.patch("/api/users/me", json={"name": "Ann", "about": "Grows tomatoes"})
    assert ann.api.patch("/api/users/me", json={}).get_json()["name"] == "Ann"
    changed = ann.api.patch("/api/users/me", json={"about": ""}).get_json()
    assert (changed["name"], changed["about"]) == ("Ann", "")


def test_password_and_username_change_together_or_not_at_all(ann: Person, bob: Person, anyone: Anyone) -> None:
    both = {"password": "another long phrase", "current_password": PASSWORD}
    assert ann.api.patch("/api/users/me", json={**both, "username": "bob"}).status_code == 409
    assert anyone.api.post("/api/users/login", json={"username": "ann", "password": PASSWORD}).status_code == 200
    assert ann.api.patch("/api/users/me", json={**both, "username": "annie"}).get_json()["username"] == "annie"
    again = {"username": "annie", "password": "another long phrase"}
    assert anyone.api.post("/api/users/login", json=again).status_code == 200


def test_nobody_can_change_another_account(ann: Person, bob: Person) -> None:
    assert ann.api.patch(f"/api/users/{bob.id}", json={"name": "Mine"}).status_code == 403
    assert ann.api.patch("/api/users/987654", json={"name": "Mine"}).status_code == 404
    assert ann.api.get("/api/users/987654").status_code == 404
    seen = ann.api.get(f"/api/users/{bob.id}")
    assert (seen.status_code, set(seen.get_json()), seen.get_json()["name"]) == (200, USER, "")
    assert ann.api.delete(f"/api/users/{bob.id}").status_code == 405


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "q=" + "x" * 101, "after=" + "x" * 101])
def test_an_invalid_query_for_people_names_the_field(ann: Person, query: str) -> None:
    answer = ann.api.get(f"/api/users?{query}")
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {query.partition("=")[0]}


def test_the_next_page_of_people_keeps_the_query(ann: Person, bob: Person, carol: Person) -> None:
    for who in (ann, carol):
        accounts.change(who.user, name="Зоя & Ко")
    page = bob.api.get("/api/users?q=зоя %26&limit=1").get_json()
    assert [user["username"] for user in page["items"]] == ["ann"]
    page = bob.api.get(page["next"]).get_json()
    assert ([user["username"] for user in page["items"]], page["next"]) == (["carol"], None)


@pytest.mark.parametrize("sent", [{}, {"current_password": None}, {"current_password": PASSWORD, "sure": True}])
def test_an_invalid_body_does_not_delete_the_account(ann: Person, sent: dict[str, Any]) -> None:
    answer = ann.api.delete("/api/users/me", json=sent)
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) <= {"current_password", "sure"}
    assert ann.api.get("/api/users/me").status_code == 200
