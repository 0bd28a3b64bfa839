"""What hosts tell each other, whatever happens in which order."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from stream.process import peers
from stream.process.peers import News, Outbox, Peers
from stream.process.people import Presence

GRACE = 30.0
PEOPLE = range(1, 4)
ids = st.integers(1, 2**63 - 1)


class Node:
    """A host: who has streams on it, and what was sent to it and not yet heard."""

    def __init__(self) -> None:
        self.presence = Presence(GRACE)
        self.peers = Peers(self.presence)
        self.here: set[int] = set()
        self.coming: deque[str] = deque()
        self.is_running = True


class SeveralPeers(RuleBasedStateMachine):
    """Peers whose people come and go, whose connections break, and which are killed, over a network in memory.

    Like Postgres' it keeps what is sent in order, and loses what is sent to who is not connected.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.nodes = [Node() for _ in range(3)]
        for number in range(3):
            self.connects(number)

    which, who = st.integers(0, 2), st.sampled_from(PEOPLE)

    @rule(which=which, who=who)
    def opens(self, which: int, who: int) -> None:
        node = self.nodes[which]
        if node.is_running and who not in node.here:
            node.here.add(who)
            node.presence.connect(who)
            node.peers.outbox.change(who, True)

    @rule(which=which, who=who)
    def closes(self, which: int, who: int) -> None:
        node = self.nodes[which]
        if node.is_running and who in node.here:
            node.here.remove(who)
            node.presence.disconnect(who, self.now)
            node.peers.outbox.change(who, False)

    @rule(which=which)
    def sends(self, which: int) -> None:
        node = self.nodes[which]
        if node.is_running and node.peers.is_connected:
            for text in node.peers.outbox.take():
                assert len(text.encode()) < 8_000
                for other in self.nodes:
                    if other.is_running and other.peers.is_connected:
                        other.coming.append(text)

    @rule(which=which, many=st.integers(1, 5))
    def receives(self, which: int, many: int) -> None:
        node = self.nodes[which]
        while node.coming and many:
            node.peers.receive(node.coming.popleft(), node.here, self.now, News())
            many -= 1

    @rule(which=which, is_half_sent=st.booleans())
    def is_cut(self, which: int, is_half_sent: bool) -> None:
        node = self.nodes[which]
        if node.is_running and node.peers.is_connected:
            if is_half_sent:
                node.peers.outbox.take()
            node.coming.clear()
            node.peers.disconnected()

    @rule(which=which)
    def connects(self, which: int) -> None:
        node = self.nodes[which]
        if node.is_running and not node.peers.is_connected:
            node.peers.connected(node.here, self.now, News())

    @rule(which=which)
    def is_killed(self, which: int) -> None:
        node = self.nodes[which]
        node.is_running = False
        node.here.clear()
        node.coming.clear()

    @rule(which=which)
    def starts(self, which: int) -> None:
        if not self.nodes[which].is_running:
            self.nodes[which] = Node()
            self.connects(which)

    @rule(seconds=st.sampled_from([1.0, 4.0, 12.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for node in self.nodes:
            node.peers.tick(node.here, self.now)
            node.presence.expire(self.now)

    @invariant()
    def nobody_is_offline_where_they_have_a_stream(self) -> None:
        for node in self.nodes:
            assert not node.is_running or node.here <= node.presence.online

    def teardown(self) -> None:
        """In the end all know who is online: once a dead host was waited for, and whoever went."""
        for number in range(3):
            self.connects(number)
        for _ in range(int(peers.SILENCE + GRACE) + 5):
            self.time_passes(1.0)
            for number in range(3):
                self.sends(number)
            for number in range(3):
                self.receives(number, 1000)
        everybody = set().union(*(node.here for node in self.nodes))
        for node in self.nodes:
            assert not node.is_running or node.presence.online == everybody


SeveralPeers.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
test_several_peers = SeveralPeers.TestCase


@given(
    people=st.sets(ids, max_size=900),
    changes=st.lists(st.tuples(ids, st.booleans())),
    typing=st.lists(st.tuples(ids, ids), max_size=700),
    flags=st.sets(st.sampled_from(["log", "logins", "who", "alive"])),
)
@settings(max_examples=30)
def test_messages_between_hosts_arrive_as_they_were_sent(
    people: set[int], changes: list[tuple[int, bool]], typing: list[tuple[int, int]], flags: set[str]
) -> None:
    outbox, news = Outbox("another"), News()
    outbox.people(people)
    for user_id, is_here in changes:
        outbox.change(user_id, is_here)
    for pair in typing:
        outbox.typing(*pair)
    for _ in range(3):
        outbox.flag(*flags)
    assert outbox.is_waiting
    presence = Presence(GRACE)
    here = Peers(presence)
    here.is_connected = True
    texts = outbox.take()
    assert not outbox.is_waiting
    for text in texts:
        assert len(text.encode()) < 8_000
        here.receive(text, (), 0.0, news)
    then = {**dict.fromkeys(people, True), **dict(changes)}
    presence.expire(GRACE)
    assert presence.online == {user_id for user_id, is_here in then.items() if is_here}
    assert news.typing == list(dict.fromkeys(typing))[: peers.TYPING_MAX]
    assert (news.is_wake, news.logins_ended) == ("log" in flags, "logins" in flags)


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner)).map(json.dumps))
def test_malformed_messages_are_ignored(text: str) -> None:
    Peers(Presence(GRACE)).receive(text, (), 0.0, News())


@given(
    st.fixed_dictionaries(
        {"from": st.text(max_size=3)},
        optional={
            name: st.none() | st.integers() | st.lists(st.integers() | st.text(max_size=2) | st.lists(st.integers()))
            for name in ("log", "people", "part", "of", "came", "went", "typing", "who", "bye")
        },
    )
)
def test_half_understood_is_not_half_done_to_the_process(message: dict[str, Any]) -> None:
    Peers(Presence(GRACE)).receive(json.dumps(message), (), 0.0, News())


def test_a_flood_is_sent_in_one_text() -> None:
    outbox = Outbox("one")
    for _ in range(10_000):
        outbox.flag("log")
        outbox.change(7, True)
    assert [json.loads(text) for text in outbox.take()] == [
        {"from": "one", "came": [7]},
        {"from": "one", "log": True},
    ]


def test_brackets_without_end_are_no_trouble() -> None:
    Peers(Presence(GRACE)).receive('{"from":' + "[" * 7_900, (), 0.0, News())


def two_hosts() -> tuple[Node, Node]:
    """Two that are connected, with person 7 on the second, which the first knows."""
    here, there = Node(), Node()
    there.here.add(7)
    for node in (here, there):
        node.peers.connected(node.here, 0.0, News())
    passed_on(there, here, 0.0)
    assert here.presence.online == {7}
    return here, there


def passed_on(sender: Node, receiver: Node, now: float) -> None:
    for text in sender.peers.outbox.take():
        receiver.peers.receive(text, receiver.here, now, News())


def test_the_people_of_a_silent_host_go_offline() -> None:
    here, _ = two_hosts()
    here.peers.tick((), peers.SILENCE)
    assert here.presence.expire(peers.SILENCE + GRACE) == []
    here.peers.tick((), peers.SILENCE + 1)
    assert here.presence.expire(peers.SILENCE + 1) == []
    assert here.presence.expire(peers.SILENCE + 1 + GRACE) == [7]


def test_signs_of_life_keep_a_host_and_its_list_is_repeated() -> None:
    here, there = two_hosts()
    here.presence.replace(there.peers.name, set(), 0.0)
    now = 0.0
    while now < peers.LIST_EVERY:
        now += 1.0
        there.peers.tick(there.here, now)
        passed_on(there, here, now)
        here.peers.tick((), now)
    assert here.presence.online == {7}
    assert here.presence.expire(now + GRACE) == []


def test_no_host_is_given_up_while_nothing_can_be_received() -> None:
    here, _ = two_hosts()
    here.peers.disconnected()
    later = 10 * peers.SILENCE
    here.peers.tick((), later)
    here.peers.connected((), later, News())
    here.peers.tick((), later + peers.SILENCE)
    assert here.presence.expire(later + GRACE) == []
    here.peers.tick((), later + peers.SILENCE + 1)
    assert here.presence.expire(later + peers.SILENCE + 1 + GRACE) == [7]


def test_a_host_that_was_given_up_and_comes_back_is_asked_for_its_list() -> None:
    here, there = two_hosts()
    here.peers.tick((), peers.SILENCE + 1)
    there.peers.outbox.flag("alive")
    here.peers.outbox.take()
    passed_on(there, here, peers.SILENCE + 2)
    passed_on(here, there, peers.SILENCE + 2)
    passed_on(there, here, peers.SILENCE + 2)
    assert here.presence.expire(peers.SILENCE + 2 + GRACE) == []
    assert here.presence.online == {7}
