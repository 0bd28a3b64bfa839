"""The live stream on a real server: who may listen, who is told what, and going on after a break."""

from __future__ import annotations

import pytest
import requests
from long.cuts import cut_and_compare
from people import PASSWORD
from servers import Server, child
from streams import Listener, Listeners, Reader, Stream, changed, connected, connections_of, head_of, rows

# The door


def test_a_stream_begins_with_hello_and_its_cursor(listeners: Listeners) -> None:
    stream = listeners("ann").listens()
    assert stream.headers["Content-Type"] == "text/event-stream"
    assert stream.headers["Cache-Control"] == "no-store"
    assert stream.headers["X-Accel-Buffering"] == "no"
    assert stream.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Length" not in stream.headers
    hello = stream.events[0]
    assert (hello.type, hello.data) == ("hello", {})
    assert hello.id
    assert stream.reader.retry


def test_a_stream_without_a_valid_token_is_401(listeners: Listeners, server: Server) -> None:
    for headers in ({}, {"Authorization": "Bearer made.up.here"}, {"Authorization": "Basic YTpi"}):
        answer = requests.get(f"{server.url}/api/events", headers=headers, timeout=60)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_head_is_answered_and_the_connection_goes_on(listeners: Listeners, server: Server) -> None:
    with requests.Session() as session:
        for _ in range(2):
            answer = session.head(f"{server.url}/api/events", headers=listeners("ann").headers(), timeout=60)
            assert answer.status_code == 200
            assert answer.headers["Content-Type"] == "text/event-stream"
        assert session.get(f"{server.url}/healthz", timeout=60).status_code == 200


def test_a_stream_may_follow_another_request_on_its_connection(listeners: Listeners, server: Server) -> None:
    ann = listeners("ann")
    with connected(server.port, {}, "/healthz") as sock:
        status, headers, body = head_of(sock)
        while len(body) < int(headers["Content-Length"]):
            body += sock.recv(4096)
        assert status == 200
        lines = "".join(f"{name}: {value}\r\n" for name, value in ann.headers().items())
        sock.sendall(f"GET /api/events HTTP/1.1\r\nHost: chat\r\n{lines}\r\n".encode())
        assert head_of(sock)[0] == 200


def session_cookie(server: Server, username: str) -> str:
    """Sign in as a browser does; returns its cookie."""
    with requests.Session() as browser:
        page = browser.get(f"{server.url}/login", timeout=60).text
        token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        form = {"username": username, "password": PASSWORD, "csrf_token": token}
        answer = browser.post(f"{server.url}/login", data=form, timeout=60, allow_redirects=False)
        assert answer.status_code == 302
        return f"chat={browser.cookies['chat']}"


def test_a_page_of_this_site_listens_by_its_session_and_no_other_does(listeners: Listeners, server: Server) -> None:
    listeners("ann")
    cookie = {"Cookie": session_cookie(server, "ann")}
    for site in ({}, {"Sec-Fetch-Site": "same-origin"}):
        stream = Stream(server.port, {**cookie, **site})
        assert stream.status == 200
        stream.waits_for(lambda s: s.types()[:1] == ["hello"])
        stream.close()
    for site in ("cross-site", "same-site", "none"):
        with connected(server.port, {**cookie, "Sec-Fetch-Site": site}) as sock:
            assert head_of(sock)[0] == 401
    for path in ("/api/users/me", "/api/chats", "/api/messages?chat_id=1"):
        assert requests.get(f"{server.url}{path}", headers=cookie, timeout=60).status_code == 401


# Who is told what


def assert_same_data(one: Stream, others: list[Stream]) -> None:
    """An event has the same data for everyone who gets it."""
    shared = {event.id: event.data for event in one.logged}
    for event in [event for other in others for event in other.logged]:
        if event.type not in ("chat.created", "chat.deleted"):
            assert shared[event.id] == event.data


def test_every_event_reaches_everyone_entitled_and_nobody_else(listeners: Listeners) -> None:
    ann, bob, carol, dave = (listeners(name) for name in ("ann", "bob", "carol", "dave"))
    streams = {person: person.listens() for person in (ann, bob, carol, dave)}
    chat = ann.starts("Garden", bob)
    message = bob.posts(chat, "The **tomatoes** are in\u2028all of them")
    bob.asks("PATCH", f"messages/{message}", text="The tomatoes are not in")
    ann.asks("POST", f"chats/{chat}/read", message_id=message)
    ann.asks("PATCH", f"chats/{chat}", title="Kitchen garden")
    ann.asks("POST", f"chats/{chat}/members", username="carol")
    ann.asks("PATCH", f"chats/{chat}/members/{bob.id}", role="admin")
    bob.asks("DELETE", f"messages/{message}")
    # Who is out already gets nothing of before: what is to be seen is waited for.
    streams[carol].gets("message.deleted", id=message)
    ann.asks("DELETE", f"chats/{chat}/members/{carol.id}")
    for person in (ann, bob):
        streams[person].gets("member.removed", chat_id=chat)
    ann.asks("DELETE", f"chats/{chat}")
    dave.posts(dave.starts("Alone"), "for the end")
    for person in (ann, bob):
        streams[person].gets("chat.deleted", id=chat)
    streams[carol].gets("member.removed", chat_id=chat)
    streams[dave].gets("message.created", text="for the end")
    types_by_person = {person: [event.type for event in streams[person].logged] for person in streams}
    assert types_by_person[ann] == words("""
        chat.created member.added member.added message.created message.updated read chat.updated member.added
        member.updated message.deleted member.removed chat.deleted""")
    assert types_by_person[bob] == words("""
        chat.created member.added message.created message.updated chat.updated member.added
        member.updated message.deleted member.removed chat.deleted""")
    assert types_by_person[carol] == words("chat.created member.added member.updated message.deleted member.removed")
    assert types_by_person[dave] == words("chat.created member.added message.created")
    assert_same_data(streams[ann], [streams[bob], streams[carol]])
    deleted = {"id": message, "chat_id": chat, "author_id": bob.id, "former_mentions": [], "last_message": None}
    assert streams[ann].all("message.deleted") == [deleted]
    read = {"chat_id": chat, "user_id": ann.id, "message_id": message, "unread": 0, "unread_mentions": 0}
    assert streams[ann].all("read") == [read]
    kept = {"kind": "group", "description": "", "picture_url": None}
    assert streams[ann].all("chat.updated") == [{"id": chat, "title": "Kitchen garden", **kept}]
    assert streams[carol].all("member.removed")[0]["user"]["id"] == carol.id


def words(text: str) -> list[str]:
    return text.split()


def test_reactions_come_to_all_and_unread_marks_to_ones_own_streams_alone(listeners: Listeners) -> None:
    ann, bob = listeners("ann"), listeners("bob")
    chat = ann.starts("Garden", bob)
    message = ann.posts(chat, "The tomatoes are in")
    bob.asks("POST", f"chats/{chat}/read", message_id=message)
    streams = {"ann": ann.listens(), "bob": bob.listens(), "bob elsewhere": bob.listens()}
    start = streams["bob"].events[0].id
    reacted = bob.asks("PUT", f"messages/{message}/reactions/👍")
    (tally,) = reacted["reactions"]
    assert (tally["emoji"], tally["count"], tally["users"], tally["names"]) == ("👍", 1, [bob.id], ["bob"])
    bob.asks("POST", f"chats/{chat}/unread", message_id=message)
    ann.posts(chat, "for the end")
    for stream in streams.values():
        stream.gets("message.created", text="for the end")
        reaction = {"user_id": bob.id, "emoji": "👍", "added": True}
        assert stream.all("message.updated") == [{**reacted, "reaction": reaction}]
    unread = {"chat_id": chat, "last_read_id": None, "unread": 1, "unread_mentions": 0}
    assert streams["ann"].all("membership.updated") == []
    assert streams["bob"].all("membership.updated") == streams["bob elsewhere"].all("membership.updated") == [unread]
    # Who was away gets it as well, and nobody else does.
    again = bob.listens(start)
    again.gets("message.created", text="for the end")
    assert again.all("membership.updated") == [unread]
    other = ann.listens(start)
    other.gets("message.created", text="for the end")
    assert other.all("membership.updated") == []


def test_a_message_comes_as_the_api_gives_it(listeners: Listeners) -> None:
    ann = listeners("ann")
    chat = ann.starts("Notes")
    stream = ann.listens()
    message = ann.posts(chat, "строка\r\nеще одна \u2028 \u0085 end")
    stream.gets("message.created", id=message)
    assert stream.all("message.created")[-1] == ann.asks("GET", f"messages/{message}")


def test_a_draft_comes_to_its_writers_devices_alone(listeners: Listeners) -> None:
    ann, bob = listeners("ann"), listeners("bob")
    chat = ann.starts("Garden", bob)
    ann_stream, bob_stream = ann.listens(), bob.listens()
    ann.asks("PUT", f"chats/{chat}/draft", text="half")
    kept = ann.asks("PUT", f"chats/{chat}/draft", text="half a sentence")
    ann_stream.gets("draft", text="half a sentence")
    assert ann_stream.all("draft")[-1] == {"chat_id": chat, "user_id": ann.id, **kept, "preview": "half a sentence"}
    message = ann.posts(chat, "Done")
    bob_stream.gets("message.created", id=message)
    # Whoever comes later is told of the newest alone, and Bob of none.
    for person, expected in ((ann, ["half a sentence"]), (bob, [])):
        later = person.listens(ann_stream.events[0].id)
        later.gets("message.created", id=message)
        assert [draft["text"] for draft in later.all("draft")] == expected
    assert "draft" not in bob_stream.types()


def test_a_removed_member_gets_nothing_more_live_or_later(listeners: Listeners) -> None:
    ann, bob = listeners("ann"), listeners("bob")
    chat, elsewhere = ann.starts("Garden", bob), ann.starts("Elsewhere", bob)
    stream = bob.listens()
    cursor = stream.events[0].id
    # Who is removed before it was sent to them gets it no more: it is waited for.
    stream.gets("message.created", id=ann.posts(chat, "before"))
    ann.asks("DELETE", f"chats/{chat}/members/{bob.id}")
    for number in range(20):
        ann.posts(chat, f"after {number}")
    last = ann.posts(elsewhere, "the end")
    stream.gets("message.created", id=last)
    here = [event for event in stream.logged if event.data.get("chat_id") == chat]
    assert [event.type for event in here] == ["message.created", "member.removed"]
    # Coming back with a cursor from before, one sees what one may see now.
    again = bob.listens(cursor)
    again.gets("message.created", id=last)
    assert [(event.type, event.data["chat_id"]) for event in again.logged] == [
        ("member.removed", chat), ("message.created", elsewhere),
    ]  # fmt: skip
    ann.asks("POST", f"chats/{chat}/members", username="bob")
    welcome = ann.posts(chat, "welcome back")
    stream.gets("message.created", id=welcome)


def test_an_account_that_is_deleted_leaves_and_listens_no_more(listeners: Listeners) -> None:
    ann, leaver = listeners("ann"), listeners("leaver")
    chat = ann.starts("Garden", leaver)
    stream, leaver_stream = ann.listens(), leaver.listens()
    leaver.asks("DELETE", "users/me", current_password=PASSWORD)
    leaver_stream.ends()
    stream.gets("member.removed", chat_id=chat)


# Sessions


def test_a_stream_ends_with_its_token_and_no_other(listeners: Listeners) -> None:
    ann = listeners("ann")
    kept = ann.listens()
    ann.token, first = ann.signs_in(), ann.token
    ended = [ann.listens(), ann.listens()]
    ann.asks("POST", "users/logout")
    ann.token = first
    for stream in ended:
        stream.ends()
    chat = ann.starts("Still here")
    kept.gets("chat.created", id=chat)


def test_two_streams_of_one_token_get_the_same(listeners: Listeners) -> None:
    ann, bob = listeners("ann"), listeners("bob")
    chat = ann.starts("Garden", bob)
    first, second = bob.listens(), bob.listens()
    sent = [ann.posts(chat, f"number {number}") for number in range(5)]
    for stream in (first, second):
        stream.gets("message.created", id=sent[-1])
    assert first.logged == second.logged
    assert [data["id"] for data in first.all("message.created")] == sent
    first.close()
    message = ann.posts(chat, "for the other one")
    second.gets("message.created", id=message)


def test_a_new_password_ends_all_other_streams(listeners: Listeners) -> None:
    erin = listeners("erin")
    old, first = erin.listens(), erin.token
    erin.token = erin.signs_in()
    this = erin.listens()
    erin.asks("PATCH", "users/me", password="another good phrase", current_password=PASSWORD)
    old.ends()
    chat = erin.starts("Mine")
    this.gets("chat.created", id=chat)
    with connected(erin.server.port, {"Authorization": f"Bearer {first}"}) as sock:
        assert head_of(sock)[0] == 401


def test_a_login_that_ends_by_another_hand_or_by_time_ends_its_stream(listeners: Listeners, server: Server) -> None:
    """No web worker tells of it: the stream process sees it for itself."""
    frank = listeners("frank")
    stream = frank.listens()
    changed(server, "DELETE FROM session WHERE user_id = ?", frank.id)
    stream.ends()
    frank.token = ""
    frank.token = frank.signs_in()
    stream = frank.listens()
    changed(server, "UPDATE session SET expires_at = 1 WHERE user_id = ?", frank.id)
    stream.ends()
    frank.token = ""
    frank.token = frank.signs_in()


# Cursors


def test_missed_events_come_once_and_in_order(listeners: Listeners) -> None:
    ann, bob = listeners("ann"), listeners("bob")
    chat = ann.starts("Garden", bob)
    stream = bob.listens()
    cursor = stream.events[0].id
    bob.disconnects()
    sent = [ann.posts(chat, f"number {number} " + "long " * 300) for number in range(250)]
    for how in ({"cursor": cursor}, {}):
        path = "/api/events" if how else f"/api/events?last_event_id={cursor}"
        stream = Stream(bob.server.port, bob.headers(**how), path)
        stream.gets("message.created", id=sent[-1])
        assert [event.data["id"] for event in stream.logged] == sent
        # Where the stream begins: cut before the first event came, one misses nothing.
        assert stream.events[0].id == cursor
        middle = stream.logged[99].id
        stream.close()
    # A header is of this moment, an address of the first one.
    stream = Stream(bob.server.port, bob.headers(middle), f"/api/events?last_event_id={cursor}")
    stream.gets("message.created", id=sent[-1])
    assert [event.data["id"] for event in stream.logged] == sent[100:]
    stream.close()


def test_a_stream_from_a_cursor_gets_what_an_open_one_got(listeners: Listeners) -> None:
    ann, bob, carol = listeners("ann"), listeners("bob"), listeners("carol")
    streams = {person: person.listens() for person in (ann, bob, carol)}
    cursors = {person: stream.events[0].id for person, stream in streams.items()}
    chat = ann.starts("Garden", carol, bob)
    ann.posts(chat, "before")
    ann.asks("DELETE", f"chats/{chat}/members/{bob.id}")
    ann.posts(chat, "without bob")
    ann.asks("POST", f"chats/{chat}/members", username="bob")
    last = ann.posts(chat, "welcome back")
    for person, stream in streams.items():
        stream.gets("message.created", id=last)
        later = person.listens(cursors[person])
        later.gets("message.created", id=last)
        received = [[(event.id, event.type, event.data) for event in one.logged] for one in (stream, later)]
        assert received[0] == received[1], person
    # The chat as the list shows it when one comes back is all that names a message from meanwhile.
    messages = [event.data for event in streams[bob].logged if event.type.startswith("message.")]
    assert "without bob" not in str(messages)


def test_a_cursor_that_is_none_leads_to_a_reset(listeners: Listeners, server: Server) -> None:
    ann = listeners("ann")
    good = ann.listens().events[0].id
    forged = [good[:-1] + ("A" if good[-1] != "A" else "B"), "B" + good[1:], good + "AAAA", good[:-4]]
    for cursor in ("x", "1", "-1", "%00", "AAAA" * 2000, "ü", *forged):
        stream = ann.listens(cursor.encode().decode("latin-1"))
        stream.waits_for(lambda s: len(s.events) > 1)
        assert stream.types()[:2] == ["hello", "reset"]
        assert stream.events[1].id == good
        assert stream.events[1].data == {}
        # Cut before the reset, one is told of it the next time.
        again = ann.listens(stream.events[0].id)
        again.waits_for(lambda s: len(s.events) > 1)
        assert again.types()[:2] == ["hello", "reset"]
        ann.disconnects()
    stream = ann.listens("")
    stream.gets("chat.created", id=ann.starts("No reset"))
    assert "reset" not in stream.types()


@pytest.mark.sqlite
def test_a_cursor_from_elsewhere_from_ahead_or_from_long_ago_leads_to_a_reset(
    own: Server, listeners: Listeners
) -> None:
    ann = Listener(own, "ann")
    chat = ann.starts("Garden")
    first = ann.listens().events[0].id
    for number in range(5):
        ann.posts(chat, f"number {number}")
    ahead = ann.listens().events[0].id
    is_reset = lambda cursor: ann.listens(cursor).types()[:2] == ["hello", "reset"]  # noqa: E731
    assert is_reset(listeners("ann").listens().events[0].id)
    assert not is_reset(first)
    # A backup is put back: what came after its last event is ahead, or was another event.
    last = rows(own, "SELECT max(id) FROM event")[0][0]
    changed(own, "DELETE FROM event WHERE id = ?", last)
    changed(own, "UPDATE sqlite_sequence SET seq = ? WHERE name = 'event'", last - 1)
    assert is_reset(ahead)
    assert not is_reset(first)
    changed(own, "UPDATE event SET created_at = created_at + 7 WHERE id = ?", last - 1)
    # And in the end the oldest are pruned.
    middle = ann.listens().events[0].id
    changed(own, "DELETE FROM event WHERE id < ?", last - 1)
    assert is_reset(first)
    assert not is_reset(middle)
    changed(own, "DELETE FROM event")
    assert not is_reset(middle)
    ann.disconnects()


def test_a_client_that_missed_more_than_a_thousand_loads_afresh(own: Server) -> None:
    ann, bob = Listener(own, "ann"), Listener(own, "bob")
    chat, alone = ann.starts("Garden", bob), ann.starts("Alone")
    cursor = bob.listens().events[0].id
    bob.disconnects()
    log = "INSERT INTO event (type, chat_id, user_id, message_id, data, created_at) "
    log += "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0}) "
    log += """SELECT 'message.created', {1}, 1, i, '{{"id":' || i || ',"chat_id":{1}}}', i FROM n"""
    changed(own, log.format(3000, alone))
    changed(own, log.format(1000, chat))
    stream = bob.listens(cursor)
    stream.waits_for(lambda s: len(s.logged) == 1000)
    assert [data["id"] for data in stream.all("message.created")] == list(range(1, 1001))
    ann.posts(chat, "one more")
    assert bob.listens(cursor).types()[:2] == ["hello", "reset"]
    stream.gets("message.created", text="one more")
    assert "reset" not in stream.types()
    bob.disconnects()


def test_cut_at_any_byte_while_others_write_nothing_is_lost_or_doubled(server: Server) -> None:
    cuts, compared = cut_and_compare(server, cuts=200, readers=4, writers=4, tag="cut")
    assert cuts >= 200
    assert compared > 0


def test_a_client_that_reads_too_slowly_is_dropped_and_continues_where_it_was(own: Server) -> None:
    ann, bob = Listener(own, "ann"), Listener(own, "bob")
    chat = ann.starts("Garden", bob)
    quick = bob.listens()
    others = connections_of(child(own.master.pid, "stream"))
    slow = connected(own.port, bob.headers(), buffer=2048)
    status, _, body = head_of(slow)
    assert status == 200
    sent = 0
    text = "long " * 1900
    # Until it stands still in every buffer on the way: the other stream of the same person sees all of it.
    while connections_of(child(own.master.pid, "stream")) > others and sent < 900:
        ann.posts(chat, text)
        sent += 1
    assert sent < 900
    quick.waits_for(lambda s: len(s.all("message.created")) == sent)
    reader = Reader()
    reader.take(body)
    try:
        while some := slow.recv(65_536):
            reader.take(some)
    except ConnectionError:
        pass
    slow.close()
    got = [event.data["id"] for event in reader.events if event.is_logged]
    assert len(got) < sent
    rest = bob.listens(reader.last_id)
    rest.waits_for(lambda s: len(got) + len(s.logged) == sent)
    assert got + [event.data["id"] for event in rest.logged] == [event.data["id"] for event in quick.logged]
    bob.disconnects()


def test_a_level_is_sent_to_ones_own_streams_alone(listeners: Listeners) -> None:
    ann, bob = listeners("ann"), listeners("bob")
    chat = ann.starts("Garden", bob)
    streams = {person: person.listens() for person in (ann, bob)}
    second = bob.listens()
    cursor = second.events[0].id
    bob.asks("PATCH", f"chats/{chat}/membership", level="nothing")
    last = ann.posts(chat, "for the end")
    for stream in (*streams.values(), second):
        stream.gets("message.created", id=last)
    level = {"chat_id": chat, "user_id": bob.id, "level": "nothing", "unread": 0, "unread_mentions": 0}
    assert streams[bob].all("membership.updated") == second.all("membership.updated") == [level]
    assert streams[ann].all("membership.updated") == []
    # Also when it was missed.
    late = bob.listens(cursor)
    late.gets("message.created", id=last)
    assert late.all("membership.updated") == [level]


def test_a_direct_chat_is_sent_to_both_and_to_nobody_else(listeners: Listeners) -> None:
    ann, bob, carol = (listeners(name) for name in ("ann", "bob", "carol"))
    streams = {person: person.listens() for person in (ann, bob, carol)}
    chat = ann.asks("POST", f"users/{bob.id}/chat")["id"]
    ann.posts(chat, "just us")
    carol.posts(carol.starts("Alone"), "for the end")
    for person in (ann, bob):
        streams[person].gets("message.created", text="just us")
        (created,) = streams[person].all("chat.created")
        named = {key: created[key] for key in ("id", "title", "kind", "user_ids")}
        assert named == {"id": chat, "title": "", "kind": "direct", "user_ids": sorted([ann.id, bob.id])}
    streams[carol].gets("message.created", text="for the end")
    assert all(message["chat_id"] != chat for message in streams[carol].all("message.created"))
