"""What a session token says, and when a server is as new as it asks: rules without a database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shortener.lab5_failover.leader import servers
from shortener.lab5_failover.position import Position, later, leader_has, parsed, replica_has, seen_at
from shortener.lab5_failover.replica_cache import stamped, unstamped
from shortener.lab5_failover.server_connection import Reading
from shortener.lab5_failover.session import Session, Sessions, asked_in, current

HERE, ELSEWHERE = 7713747120811120331, 1
AT = Position(HERE, 2, 1000)


def test_a_token_is_read_again_and_nothing_else_is() -> None:
    for position in (AT, Position(0, 0, 0), Position(2**64 - 1, 2**32 - 1, 2**64 - 1)):
        assert parsed(position.token) == position
        assert len(position.token) == 27
    for nonsense in ("", "x", "-" * 26, AT.token + "A", AT.token[:-1], "ü" * 27, "=" * 28, "\0" * 27):
        assert parsed(nonsense) is None


@pytest.mark.parametrize(
    ("at", "replica", "leader"),
    [
        (Position(HERE, 2, 1000), True, True),
        (Position(HERE, 2, 999), False, True),  # a leader lacks nothing of its own timeline: there is no 1000 yet
        (Position(HERE, 1, 2000), False, False),  # on the old timeline, beyond where the new one left it
        (Position(HERE, 3, 999), False, True),  # the end of timeline 2 was lost, or this replica replays it still
        (Position(HERE, 3, 1000), True, True),
        (Position(ELSEWHERE, 1, 1), True, True),  # a stage that was made anew: the token says nothing of it
    ],
)
def test_who_has_what_was_seen(at: Position, replica: bool, leader: bool) -> None:
    assert replica_has(at, AT) is replica
    assert leader_has(at, AT) is leader
    assert replica_has(at, None)
    assert leader_has(at, None)


def test_a_session_goes_forward_only() -> None:
    session = Session()
    for position in (AT, Position(HERE, 1, 5000), Position(HERE, 2, 900), None):
        session.saw(position)
        assert session.seen == AT
    session.saw(Position(HERE, 3, 10))
    assert session.seen == Position(HERE, 3, 10)
    session.saw(Position(ELSEWHERE, 1, 1))
    assert session.seen == Position(ELSEWHERE, 1, 1)
    assert later(None, None) is None


def test_a_snapshot_may_hold_the_record_that_is_being_replayed() -> None:
    assert seen_at(1000, 1000) == 1000
    assert seen_at(1000, 1500) == seen_at(1000, None) == 1001
    assert seen_at(1000, 900) == 1000  # started again: all that it has received so far is replayed


def test_the_newest_of_header_and_cookie_counts() -> None:
    older, newer = Position(HERE, 2, 10).token.encode(), AT.token.encode()
    assert asked_in([]) is None
    assert asked_in([(b"session-token", newer), (b"cookie", b"a=b; session-token=" + older + b"; c=d")]) == AT
    assert asked_in([(b"session-token", older), (b"cookie", b"session-token=" + newer)]) == AT
    assert asked_in([(b"session-token", b"nonsense"), (b"cookie", b"session-token=; xsession-token=" + newer)]) is None


def test_an_answer_carries_the_later_of_asked_and_seen() -> None:
    def told(asked: Position | None, seen: Position | None) -> list[tuple[bytes, bytes]]:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            assert current().asked == asked
            current().saw(seen)
            await send({"type": "http.response.start", "status": 200, "headers": []})

        sent: list[Any] = []

        async def scenario() -> None:
            async def send(message: Any) -> None:
                sent.append(message)

            headers = [(b"session-token", asked.token.encode())] if asked else []
            await Sessions(app)({"type": "http", "headers": headers}, None, send)  # type: ignore[arg-type]
            assert current() == Session()

        asyncio.run(scenario())
        headers: list[tuple[bytes, bytes]] = sent[0]["headers"]
        return headers

    older = Position(HERE, 2, 10)
    for asked, seen, token in ((None, AT, AT), (older, AT, AT), (AT, older, AT)):
        (header, value), (cookie, words) = told(asked, seen)
        assert (header, value) == (b"session-token", token.token.encode())
        assert (cookie, words) == (b"set-cookie", b"session-token=%b; Path=/; HttpOnly; SameSite=Lax" % value)
    assert told(AT, None) == []  # nothing was read: the client keeps what it has


def test_a_cache_entry_carries_its_place() -> None:
    for url in ("https://example.com/?a=-", None):
        assert unstamped(stamped(Reading(url, AT, AT, 0))) == (AT, url)
    assert unstamped("https://example.com/") == (None, "https://example.com/")  # lab 4 filled it
    assert unstamped("-") == unstamped(None) == (None, None)


def test_each_server_of_a_url_is_asked_by_itself() -> None:
    url = "postgresql://lab:p%40ss@pg-1:5432,pg-2:6432/links?target_session_attrs=read-write&connect_timeout=2"
    same = {"user": "lab", "password": "p@ss", "dbname": "links"}
    assert servers(url, "X") == [{**same, "host": "pg-1", "port": "5432"}, {**same, "host": "pg-2", "port": "6432"}]
    assert servers("host=a,b port=1 user=u", "X") == [
        {"user": "u", "host": "a", "port": "1"},
        {"user": "u", "host": "b", "port": "1"},
    ]
    for wrong in ("nonsense", "host=a,b port=1,2,3"):
        with pytest.raises(ValueError, match="DATABASE_URL"):
            servers(wrong, "DATABASE_URL")
