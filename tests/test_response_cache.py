"""No answer is older than the last change, and none is another person's, whichever worker is asked, however often."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from garden import LOOKS, NAMES, Change, Scene, picture
from long import response_cache
from long.clock import clock_in, set_clock
from people import PASSWORD
from servers import Server, wait_for
from streams import Stream
from workers import Browser, Workers, normal, with_accounts

WORKERS = 2
# Names by usernames: four people for each test.
PEOPLE = {f"{who}{number}": name for number in range(90) for who, name in NAMES.items()}
# A chat with all of them makes twice as many events.
CROWD = [f"crowd{number}" for number in range(260)]
ROWS = "page pane older log"
IN_CHAT = f"{ROWS} history before chat"
PLACES_OF_NAMES = f"{ROWS} history before hits"
LAST = "page pane log list search history chats chat hits find"
ABOUT = "page pane older chats chat"
MEMBERS = "chats chat"


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clock") / "site"


@pytest.fixture(scope="module")
def garden(clock: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Iterator[str]]]:
    """A server of two workers, and the names of those who have an account and were in no test."""
    folder = tmp_path_factory.mktemp("garden")
    server = with_accounts(folder, PEOPLE | dict.fromkeys(CROWD, ""), WEB_CONCURRENCY=str(WORKERS), **clock_in(clock))
    yield server, iter(PEOPLE)
    server.stop()


@pytest.fixture
def scene(garden: tuple[Server, Iterator[str]]) -> Iterator[Scene]:
    server, names = garden
    workers = Workers(server, WORKERS)
    yield Scene(workers, [next(names) for _ in range(4)])
    workers.close()


# What changes


def api(who: str, request: str, **sent: Any) -> Callable[[Scene], object]:
    return lambda s: s.does(who, request, **sent)


def posts(who: str, text: str) -> Callable[[Scene], object]:
    return lambda s: s.posts(who, text)


def submits(who: str, path: str) -> Callable[[Scene], object]:
    """The form of a page that asks first."""
    return lambda s: s[who].submits(path.format(**s.known), on=path.format(**s.known))


def puts_picture(who: str, path: str) -> Callable[[Scene], object]:
    return lambda s: s[who].puts_picture(path.format(**s.known), picture())


def forwards(scene: Scene) -> None:
    scene.does("dave", "POST messages/{shed}/forward", chat_id=scene.known["chat"])


def has_a_shed(scene: Scene) -> None:
    """Dave writes in a chat of his own."""
    scene.known["elsewhere"] = scene.does("dave", "POST chats", title="Shed")["id"]
    scene.known["shed"] = scene.posts("dave", "a shed", "elsewhere")


def writes_to_ann(scene: Scene) -> None:
    scene.known["direct"] = scene.does("cleo", "POST users/{ann_id}/chat")["id"]
    scene.posts("cleo", "just us", "direct")


def all_of(*changes: Callable[[Scene], object]) -> Callable[[Scene], object]:
    return lambda s: [change(s) for change in changes]


FLORA = api("ann", "PATCH users/me", name="Flora Hill")
CLIO = api("cleo", "PATCH users/me", name="Clio Fens")
CLOSES = api("ann", "DELETE users/me", current_password=PASSWORD)
CLEO_LEAVES = submits("cleo", "/chats/{chat}/leave")
ADDS_DAVE = api("ann", "POST chats/{chat}/members", username="{dave}")
REMOVES_DAVE = api("ann", "DELETE chats/{chat}/members/{dave_id}")
BOB_ADMIN = api("ann", "PATCH chats/{chat}/members/{bob_id}", role="admin")
BOB_OWNER = api("ann", "PATCH chats/{chat}/members/{bob_id}", role="owner")
REACTION = "messages/{anns}/reactions/%F0%9F%A5%95"
EDITS = api("ann", "PATCH messages/{anns}", text="blue tomatoes")
DELETES = api("ann", "DELETE messages/{anns}")
ANN_AVATAR = puts_picture("ann", "users/me/avatar")
PICTURE = puts_picture("ann", "chats/{chat}/picture")
MAY_DELETE = "/chats/{chat}/messages/{%s}/delete"

SHARED = {
    "name": Change(FLORA, f"{PLACES_OF_NAMES} list search find chats", "Ann Firth", "Flora Hill"),
    "name of someone who has left": Change(
        CLIO, f"{PLACES_OF_NAMES} search find", "Cleo Marsh", "Clio Fens", first=CLEO_LEAVES
    ),
    "name of the author of a forwarded message": Change(
        api("dave", "PATCH users/me", name="Dan Lund"), "page pane log history", "Dave Lund", "Dan Lund",
        first=all_of(ADDS_DAVE, has_a_shed, forwards, REMOVES_DAVE, api("ann", "DELETE messages/{end}")),
    ),
    "name of someone who reacted": Change(
        CLIO, ROWS, "Cleo Marsh", "Clio Fens",
        first=all_of(api("cleo", f"PUT {REACTION}"), CLEO_LEAVES, api("ann", "DELETE messages/{cleos}")),
    ),
    "title of a direct chat": Change(
        FLORA, "list chats", "Ann Firth", "Flora Hill", to="cleo",
        first=all_of(writes_to_ann, CLEO_LEAVES),
    ),
    "username, and mentions": Change(
        api("ann", "PATCH users/me", username="flora.{ann}"), f"{PLACES_OF_NAMES} search find", "@{ann}", "@flora.{ann}"
    ),
    "avatar": Change(ANN_AVATAR, f"{PLACES_OF_NAMES} chats find", after="/avatars/{ann_id}/"),
    "avatar removed": Change(
        api("ann", "DELETE users/me/avatar"), f"{PLACES_OF_NAMES} chats find", "/avatars/{ann_id}/", first=ANN_AVATAR
    ),
    "title": Change(
        api("ann", "PATCH chats/{chat}", title="Plot 8"), f"{ABOUT} list search find", "Plot 7", "Plot 8"
    ),
    "description": Change(api("ann", "PATCH chats/{chat}", description="down the lane"), ABOUT, after="down the lane"),
    "picture": Change(PICTURE, f"{ABOUT} list", after="/chats/{chat}/picture/"),
    "picture removed": Change(
        api("ann", "DELETE chats/{chat}/picture"), f"{ABOUT} list", "/chats/{chat}/picture/", first=PICTURE
    ),
    "message": Change(posts("bob", "new tomatoes"), LAST, after="new tomatoes"),
    "message edited": Change(EDITS, f"{PLACES_OF_NAMES} search find", "green", "blue"),
    "last message edited": Change(
        api("ann", "PATCH messages/{end}", text="blue tomatoes"), LAST, "red tomatoes", "blue tomatoes"
    ),
    "message deleted": Change(DELETES, f"{PLACES_OF_NAMES} search find", "green"),
    "last message deleted": Change(api("ann", "DELETE messages/{end}"), LAST, "red tomatoes"),
    "trace of a deleted message": Change(DELETES, ROWS, after='class="message is-deleted'),
    "message restored": Change(
        api("ann", "POST messages/{anns}/restore"), f"{PLACES_OF_NAMES} search find", after="green", first=DELETES
    ),
    "message forwarded": Change(
        forwards, "page pane log list history chats", after="a shed", first=all_of(ADDS_DAVE, has_a_shed)
    ),
    "reaction": Change(api("bob", f"PUT {REACTION}"), PLACES_OF_NAMES, after="🥕"),
    "reaction taken back": Change(
        api("bob", f"DELETE {REACTION}"), PLACES_OF_NAMES, "🥕", first=api("bob", f"PUT {REACTION}")
    ),
    "own reaction beside another": Change(
        api("bob", f"PUT {REACTION}"), ROWS, 'name="give" value="🥕"', 'name="take_back" value="🥕"', to="bob",
        first=api("ann", f"PUT {REACTION}"),
    ),
    "quoted message edited": Change(
        EDITS, ROWS, "<b>Ann Firth</b><span>green", "<b>Ann Firth</b><span>blue"
    ),
    "quoted message deleted": Change(DELETES, ROWS, "<b>Ann Firth</b>", "<span>This message was deleted</span></a>"),
    "member added": Change(ADDS_DAVE, ABOUT, after="Dave Lund"),
    "member removed": Change(REMOVES_DAVE, ABOUT, "Dave Lund", first=ADDS_DAVE),
    "member who left": Change(CLEO_LEAVES, MEMBERS, "Cleo Marsh"),
    "member who left, above the messages": Change(CLEO_LEAVES, "page pane older", "&#34;Cleo Marsh&#34;"),
    "role": Change(
        api("ann", "PATCH chats/{chat}/members/{bob_id}", role="admin"), MEMBERS, after='"role": "admin"'
    ),
    "right to delete, of an admin": Change(BOB_ADMIN, ROWS, after=MAY_DELETE % "cleos", to="bob"),
    "right to delete, of an admin no longer": Change(
        api("ann", "PATCH chats/{chat}/members/{bob_id}", role="member"), ROWS, MAY_DELETE % "cleos", to="bob",
        first=BOB_ADMIN,
    ),
    "right to delete what an admin wrote": Change(
        api("ann", "PATCH chats/{chat}/members/{cleo_id}", role="admin"), ROWS, MAY_DELETE % "cleos", to="bob",
        first=BOB_ADMIN,
    ),
    "right to delete, of the new owner": Change(BOB_OWNER, ROWS, after=MAY_DELETE % "anns", to="bob"),
    "right to delete, of the former owner": Change(BOB_OWNER, ROWS, MAY_DELETE % "bobs", to="ann"),
    "account closed": Change(CLOSES, f"{PLACES_OF_NAMES} list search find", "Ann Firth", to="bob cleo"),
    "mention of a closed account": Change(CLOSES, PLACES_OF_NAMES, "@{ann}", to="bob cleo"),
    "chat deleted": Change(api("ann", "DELETE chats/{chat}"), "list chats search find", "Plot 7"),
    "chat to which somebody was added": Change(ADDS_DAVE, "list chats search", after="Plot 7", to="dave"),
    "chat from which somebody was removed": Change(
        REMOVES_DAVE, "list chats search", "Plot 7", to="dave", first=ADDS_DAVE
    ),
    "hits of a chat that somebody left": Change(CLEO_LEAVES, "search hits find", "green", to="cleo"),
}  # fmt: skip


@pytest.mark.parametrize("what", SHARED)
def test_a_change_is_in_everybodys_next_answer(scene: Scene, what: str) -> None:
    SHARED[what].is_seen(scene)


def test_a_long_text_is_found_by_each_worker_once_a_task_has_indexed_it(scene: Scene) -> None:
    def is_found() -> bool:
        return all(answer.json["items"] for answer in scene["bob"].ask_all("/api/search?q=zucchini"))

    assert not is_found()
    scene.does("ann", "PATCH messages/{anns}", text="zucchini " + "and so on " * 300)
    wait_for(is_found, lambda: "some worker finds nothing")


# What only one person sees


def reads(scene: Scene) -> None:
    scene.does("ann", "POST chats/{chat}/read", message_id=scene.known["new"])


def marks_unread(scene: Scene) -> None:
    scene.does("ann", "POST chats/{chat}/unread", message_id=scene.known["bobs"])


def moves_to_kolkata(scene: Scene) -> None:
    scene["ann"].cookies["time_zone"] = "Asia/Kolkata"


NEWS = posts("bob", "new tomatoes")
RUSSIAN, DARK = api("ann", "PATCH users/me", language="ru"), api("ann", "PATCH users/me", theme="dark")
QUIET = api("ann", "PATCH chats/{chat}/membership", level="nothing")
DRAFT = api("ann", "PUT chats/{chat}/draft", text="half a thought")

OWN = {
    "language": Change(RUSSIAN, "page older list search", '<html lang="en"', '<html lang="ru"'),
    "language of rows": Change(RUSSIAN, ROWS, "<span>Reply</span>", "<span>Ответить</span>"),
    "theme": Change(DARK, "page older list search", after='data-theme="dark"'),
    "time zone": Change(moves_to_kolkata, ROWS, "{utc}", "{kolkata}"),
    "read position, in the list": Change(reads, "list", 'data-unread="1"', 'data-unread="0"', first=NEWS),
    "read position, by API": Change(reads, MEMBERS, '"unread": 1', '"unread": 0', first=NEWS),
    "read position, on the page": Change(reads, "page pane", 'id="unread">', first=NEWS),
    "unread again, in the list": Change(marks_unread, "list", 'data-unread="0"', 'data-unread="1"'),
    "unread again, by API": Change(marks_unread, MEMBERS, '"unread": 0', '"unread": 1'),
    "unread again, on the page": Change(marks_unread, "page pane", after='id="unread">'),
    "level, in the list": Change(QUIET, "list", 'data-level="everything"', 'data-level="nothing"'),
    "level, by API": Change(QUIET, MEMBERS, '"level": "everything"', '"level": "nothing"'),
    "draft": Change(DRAFT, "page pane list chats chat", after="half a thought"),
    "draft discarded": Change(
        api("ann", "DELETE chats/{chat}/draft"), "page pane list chats chat", "half a thought", first=DRAFT
    ),
}


@pytest.mark.parametrize("what", OWN)
def test_a_change_of_ones_own_is_in_ones_next_answer_alone(scene: Scene, what: str) -> None:
    created_at = datetime.fromisoformat(scene.does("ann", "GET messages/{anns}")["created_at"])
    minutes = created_at.hour * 60 + created_at.minute
    scene.known |= {
        zone: f">{at // 60 % 24:02}:{at % 60:02}</time>" for zone, at in (("utc", minutes), ("kolkata", minutes + 330))
    }
    change = OWN[what]
    change.to = "ann"
    change.first(scene)
    change.first = lambda s: None
    before = [normal(scene.look("bob", look).text) for look in LOOKS]
    change.is_seen(scene)
    assert [normal(scene.look("bob", look).text) for look in LOOKS] == before


# Who may look


def test_others_get_no_answer_that_was_cached_for_a_member(scene: Scene) -> None:
    scene.have_looked("ann", IN_CHAT)
    assert scene.statuses("dave", IN_CHAT) == all_are(404)
    scene.people["nobody"] = Browser(scene.workers, scripts="1")
    assert scene.statuses("nobody", IN_CHAT) == all_are(302, 401)
    assert not [answer for answer in scene.looks("nobody", "list") if "Plot 7" in answer.text]


WAYS_TO_LEAVE = {
    "removed": ("cleo", api("ann", "DELETE chats/{chat}/members/{cleo_id}")),
    "left": ("cleo", CLEO_LEAVES),
    "chat deleted": ("bob", api("ann", "DELETE chats/{chat}")),
    "chat deleted by oneself": ("ann", submits("ann", "/chats/{chat}/delete")),
}


@pytest.mark.parametrize("how", WAYS_TO_LEAVE)
def test_a_former_member_is_shown_nothing_more(scene: Scene, how: str) -> None:
    who, leave = WAYS_TO_LEAVE[how]
    scene.have_looked(who, IN_CHAT)
    leave(scene)
    assert scene.statuses(who, IN_CHAT) == all_are(404)


def test_a_person_added_again_sees_the_chat_again(scene: Scene) -> None:
    for _ in range(2):
        assert scene.statuses("dave", IN_CHAT) == all_are(404)
        ADDS_DAVE(scene)
        assert scene.statuses("dave", IN_CHAT) == all_are(200)
        REMOVES_DAVE(scene)


def all_are(of_pages: int, of_api: int = 0) -> dict[str, set[int]]:
    return {look: {of_api or of_pages if LOOKS[look].startswith("/api") else of_pages} for look in IN_CHAT.split()}


NEW = {"password": "another long phrase", "current_password": PASSWORD}
# What somebody does on another device, by its name.
ENDS = {
    "ended elsewhere": api("phone", "DELETE users/me/logins"),
    "password changed elsewhere": api("phone", "PATCH users/me", **NEW),
    "account closed": api("phone", "DELETE users/me", current_password=PASSWORD),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_login_that_ended_is_shown_nothing_more(scene: Scene, how: str) -> None:
    scene.people["phone"] = Browser(scene.workers, scripts="1").logs_in(scene["ann"].username)
    scene.have_looked("ann phone", IN_CHAT)
    ENDS[how](scene)
    assert scene.statuses("ann", IN_CHAT) == all_are(302, 401)
    assert not [answer for answer in scene.looks("ann", "list") if "Plot 7" in answer.text]


def test_a_closed_session_is_shown_nothing_more(scene: Scene) -> None:
    scene.have_looked("ann", IN_CHAT)
    cookies = dict(scene["ann"].cookies)
    scene["ann"].submits("/logout", on="/settings")
    scene["ann"].does("POST", "users/logout")
    for has in (scene["ann"].cookies, cookies):
        scene["ann"].cookies = dict(has)
        assert scene.statuses("ann", IN_CHAT) == all_are(302, 401)


# What happens by looking


def test_opening_a_page_without_scripts_reads_it_each_time(scene: Scene) -> None:
    del scene["ann"].cookies["scripts"]
    scene.have_looked("ann", "page list")
    for worker in range(WORKERS):
        scene.posts("bob", "new tomatoes")
        assert ['data-unread="1"' in answer.text for answer in scene.looks("ann", "list")] == [True] * WORKERS
        assert 'id="unread">' in scene.look("ann", "page", worker).text
        assert ['data-unread="1"' in answer.text for answer in scene.looks("ann", "list")] == [False] * WORKERS
        assert ['id="unread">' in answer.text for answer in scene.looks("ann", "page")] == [False] * WORKERS


FLASHED = {
    "list": ("cleo", CLEO_LEAVES, "You left “Plot 7”."),
    "page": ("cleo", submits("cleo", "/chats/{chat}/messages/{cleos}/delete"), "/messages/{cleos}/restore"),
}


@pytest.mark.parametrize("look", FLASHED)
def test_news_is_shown_once_and_to_nobody_else(scene: Scene, look: str) -> None:
    who, does, news = FLASHED[look]
    scene.have_looked(f"{who} bob", look)
    does(scene)
    shown = [scene.look(reader, look, worker).text for worker in (1, 0, 1) for reader in ("bob", who)]
    assert [news.format(**scene.known) in text for text in shown] == [False, True, False, False, False, False]


# What is different in each answer


def test_the_csrf_token_of_each_answer_is_its_own_sessions(scene: Scene) -> None:
    scene.people["phone"] = Browser(scene.workers, scripts="1").logs_in(scene["ann"].username)
    path, read = LOOKS["page"].format(**scene.known) + "/read", {"message_id": scene.known["end"]}
    for look in ("page", "pane", "older", "list", "search"):
        token = {}
        for who in ("ann", "phone", "bob"):
            for answer in (scene.look(who, look), *scene.looks(who, look)):
                token[who] = answer.csrf
                assert scene[who].send("POST", path, read | {"csrf_token": token[who]}).status == 204, (who, look)
        for other in ("phone", "bob"):
            assert scene["ann"].send("POST", path, read | {"csrf_token": token[other]}).status == 400


@pytest.mark.parametrize("look", ["page", "pane"])
def test_each_form_has_an_idempotency_key_of_its_own(scene: Scene, look: str) -> None:
    answers = [scene.look("ann", look), *scene.looks("ann", look), *scene.looks("ann", look)]
    assert len({answer.value("key") for answer in answers}) == len(answers)
    for answer in answers * 2:
        sent = {"csrf_token": answer.csrf, "key": answer.value("key"), "text": f"sent by {answer.value('key')}"}
        assert scene["ann"].send("POST", LOOKS["page"].format(**scene.known), sent).status == 302
    history = scene.look("ann", "history").text
    assert [history.count(f'"text": "sent by {answer.value("key")}"') for answer in answers] == [1] * len(answers)


def test_the_scripts_of_each_answer_are_those_that_its_policy_allows(scene: Scene) -> None:
    seen = set()
    for look in ("page", "older", "list", "search") * 2:
        for answer in scene.looks("ann", look):
            policy = answer.headers["Content-Security-Policy"]
            allowed = set(re.findall(r"'nonce-([^']+)'", policy))
            assert set(re.findall(r' nonce="([^"]*)"', answer.text)) == allowed
            assert not allowed & seen
            seen |= allowed
            scripts = re.findall(r"<script[^>]*>", answer.text)
            assert scripts
            assert "'sha256-" in policy or all("nonce=" in script for script in scripts)


# What an answer depends on


def test_a_tag_is_not_confirmed_once_something_changed(scene: Scene) -> None:
    scene.have_looked("ann", " ".join(LOOKS))
    old = {look: scene.look("ann", look) for look in LOOKS}
    tags = {look: answer.headers["ETag"] or '"0"' for look, answer in old.items()}
    for look, tag in tags.items():
        assert {scene.look("ann", look, worker, If_None_Match=tag).status for worker in range(WORKERS)} <= {200, 304}
    FLORA(scene)
    for look, tag in tags.items():
        for worker in range(WORKERS):
            new = scene.look("ann", look, worker, If_None_Match=tag)
            assert (new.status, "Flora Hill" in new.text) == (200, True), look


DEPENDS = {
    "pane": ({}, {"X-Pane": "1"}),
    "language": ({"Accept-Language": "en"}, {"Accept-Language": "ru"}),
    "zone": ({"Cookie": "time_zone=Asia/Tokyo"}, {"Cookie": "time_zone=Asia/Kolkata"}),
    "no zone yet": ({"Cookie": "time_zone=UTC"}, {"Cookie": "a=b"}),
    "place": ({"?": "?newest=1"}, {"?": "?around={anns}"}),
    "reply": ({"?": "?reply_to={anns}"}, {"?": "?reply_to={bobs}"}),
}


@pytest.mark.parametrize("what", DEPENDS)
def test_what_was_cached_for_one_kind_of_request_is_no_answer_to_another(scene: Scene, what: str) -> None:
    scene.does("ann", "PATCH users/me", language="")
    scene.have_looked("ann", "list")
    session = f"scripts=1; chat={scene['ann'].cookies['chat']}; "

    def answers(asked: dict[str, str]) -> set[str]:
        """What each worker answers to two such requests."""
        path = (LOOKS["page"] + asked.get("?", "")).format(**scene.known)
        headers = {name: value for name, value in asked.items() if name != "?"}
        headers["Cookie"] = session + headers.get("Cookie", "time_zone=UTC")
        return {normal(answer.text) for _ in range(2) for answer in scene["ann"].ask_all(path, **headers)}

    one, other, one_again, other_again = map(answers, DEPENDS[what] * 2)
    assert (len(one), len(other)) == (1, 1)
    assert one != other
    assert (one, other) == (one_again, other_again)


def test_the_same_is_sent_with_gzip_and_without_and_nothing_to_head(scene: Scene) -> None:
    for look, path in LOOKS.items():
        for worker in (*range(WORKERS), *range(WORKERS)):
            packed, plain = scene.look("ann", look, worker), scene.look("ann", look, worker, Accept_Encoding="identity")
            assert (packed.headers["Content-Encoding"], plain.headers["Content-Encoding"]) == ("gzip", None)
            assert normal(packed.text) == normal(plain.text)
            head = scene["ann"].ask("HEAD", path.format(**scene.known), worker, {})
            assert (head.status, head.text) == (200, "")


def test_the_next_day_today_is_yesterday(scene: Scene, clock: Path) -> None:
    hour = datetime.now(UTC).hour
    # Noon there; and where a day ends within a quarter of that.
    noon, early = (f"Etc/GMT{-offset:+d}" for offset in (12 - hour, 1 - hour if hour <= 13 else 25 - hour))
    scene["ann"].cookies["time_zone"] = noon
    day = Change(lambda s: set_clock(clock, 20 * 3600), ROWS, after=">Yesterday<", to="ann")
    listed = re.search(r'<time data-format="short"[^>]*>([^<]*)<', scene.look("ann", "list").text)
    try:
        day.is_seen(scene)
        assert listed is not None
        assert [f">{listed[1]}<" in answer.text for answer in scene.looks("ann", "list")] == [False] * WORKERS
        scene["ann"].cookies["time_zone"] = early
        assert not day.wrong(scene, "", ">Yesterday<")
    finally:
        set_clock(clock, 0)


def test_a_page_leads_into_the_stream_whatever_happened_elsewhere_since_it_was_first_shown(scene: Scene) -> None:
    scene.have_looked("ann", "page list")
    for _ in range(2):
        # A page's place in the log is too old for the stream after a thousand events.
        scene.does("dave", "POST chats", title="Fair", members=CROWD)
    for answer in (*scene.looks("ann", "page"), *scene.looks("ann", "list")):
        found = re.search(r' cursor="([^"]+)"', answer.text)
        assert found
        headers = {"Authorization": f"Bearer {scene['ann'].token}", "Last-Event-ID": found[1]}
        stream = Stream(scene.workers.port, headers)
        stream.gets("message.created", id=scene.posts("bob", "new tomatoes"))
        assert "reset" not in stream.types()
        stream.close()


def test_people_who_change_things_and_look_in_any_order_see_what_is_kept_nowhere(tmp_path: Path) -> None:
    with response_cache.two_servers(tmp_path, 40) as servers:
        walk = response_cache.Walk(*servers, seed=16)
        assert response_cache.walked(walk, 150) > 0
        assert walk.done.total() > 50
        walk.close()
