"""A region's doors, with its links in memory: what a client and the other region are answered, and in what time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import httpx
import pytest

from shortener.lab1_file.edge import BODY_BYTES
from shortener.lab1_file.links import Unavailable
from shortener.lab1_file.problems import MEDIA_TYPE
from shortener.lab5_failover.regions import bodies, other_region, sender
from shortener.lab5_failover.regions.__main__ import wire
from shortener.lab5_failover.regions.app import CHANGES_BYTES, create_app
from shortener.lab5_failover.regions.other_region import OtherRegion
from shortener.lab5_failover.regions.region import Region
from shortener.lab5_failover.regions.rules import rule_of
from shortener.lab5_failover.regions.sender import Sender
from shortener.lab5_failover.regions.store import RegionStore
from shortener.lab5_failover.regions.version_vector import SIBLINGS
from shortener.lab5_failover.regions.versions import State

URL, OTHER = {"url": "https://example.com/a"}, {"url": "https://example.com/b"}
NOBODY = "http://127.0.0.1:1"

BAD_BODIES = (
    *((b"{", 400), (b"{}", 422), (b"[]", 422), (b'{"url": "ftp://a"}', 422), (b"x" * 20_000, 413)),
    *((b'{"url": []}', 422), (b'{"url": {}}', 422), (b'{"url": 5}', 422), (b"null", 422)),
)
VALUE = {"url": "https://example.com/a", "region": "east", "number": 3, "at": 1}
STATE: dict[str, Any] = {"values": [VALUE], "seen": {"east": 3}}
WRITE = {"id": "east-1", "url": URL["url"], "read": ""}
NO_VALUES = (
    *({**VALUE, "region": "šiauliai"}, {**VALUE, "at": 1e300}, {**VALUE, "number": 4}, {**VALUE, "number": -1}),
    {**VALUE, "url": "javascript:alert(1)"},
)
NO_STATES: tuple[Any, ...] = (
    *({}, None, {**STATE, "seen": []}, {**STATE, "seen": [1]}, {**STATE, "values": 5}),
    *({**STATE, "seen": {"east": 3, "šiauliai": 1}}, {**STATE, "seen": {"east": 10**18}}),
    *({**STATE, "values": [value]} for value in NO_VALUES),
)
NO_WRITES: tuple[Any, ...] = (
    *([], None, {**WRITE, "id": "a.b"}, {**WRITE, "id": 7}, {**WRITE, "read": 7}, {**WRITE, "read": "nonsense"}),
    *({**WRITE, "url": []}, {**WRITE, "url": "ftp://a"}),
)


class Memory(RegionStore):
    """What RegionStore promises, without a database."""

    def __init__(self) -> None:
        self.links: dict[str, State] = {}
        self.outbox: list[tuple[int, str, dict[str, Any]]] = []

    async def find(self, link_id: str) -> State:
        return self.links.get(link_id, State())

    async def change(self, link_id: str, change: Callable[[State], State], *, tell: bool) -> State:
        self.links[link_id] = change(await self.find(link_id))
        return self.links[link_id]

    async def to_send(self, most: int) -> list[tuple[int, str, dict[str, Any]]]:
        return self.outbox[:most]

    async def sent(self, numbers: Any) -> None:
        self.outbox = [row for row in self.outbox if row[0] not in numbers]


@contextlib.asynccontextmanager
async def region_of(rule: str, name: str = "east", other_url: str = NOBODY) -> AsyncIterator[httpx.AsyncClient]:
    other = "west" if name == "east" else "east"
    store, far = Memory(), OtherRegion(other, other_url)
    region = Region(name, rule_of(rule, (name, other)), store, far, lambda: time.time_ns() // 1000, lambda: None)
    transport = httpx.ASGITransport(create_app(region, Sender(store, far)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://region") as client:
        yield client
    far.close()


def play(steps: Coroutine[Any, Any, None]) -> None:
    asyncio.run(steps)


def test_a_client_hands_back_the_version_that_it_has_read() -> None:
    async def steps() -> None:
        async with region_of("owner") as client:
            assert (await client.get("/links/east-1")).status_code == 404
            first = await client.put("/links/east-1", json=URL)
            assert (first.status_code, first.headers["etag"]) == (200, '"east:1"')
            unread = await client.patch("/links/east-1", json=OTHER)
            assert (unread.status_code, unread.json()["link"]) == (428, first.json())
            assert unread.headers["content-type"] == "application/problem+json"
            read = {"If-Match": first.headers["etag"]}
            assert (await client.put("/links/east-1", json=OTHER, headers=read)).json()["version"] == "east:2"
            assert (await client.put("/links/east-1", json=URL, headers=read)).status_code == 412
            assert (await client.get("/links/east-1")).json()["urls"] == [OTHER["url"]]

    play(steps())


def test_what_no_region_takes() -> None:
    async def steps() -> None:
        async with region_of("version-vector") as client:
            for body, status in BAD_BODIES:
                answer = await client.put("/links/a", content=body)
                assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE), body
            assert (await client.put("/links/a", json=URL, headers={"If-Match": '"nonsense"'})).status_code == 422
            assert (await client.put("/links/a.b", json=URL)).status_code == 404
            assert (await client.delete("/links/a")).status_code == 405

    play(steps())


def test_what_no_region_sends_is_refused_in_a_sentence_and_changes_nothing() -> None:
    async def steps() -> None:
        async with region_of("version-vector", "west") as client:
            taken = await client.post("/changes", json=[{"id": "east-1", "state": STATE}])
            assert (taken.status_code, taken.json()) == (200, {})
            before = await client.get("/links/east-1")
            changes: list[Any] = [None, 5, [5], [{"id": "a\x00", "state": STATE}], [{"id": 7, "state": STATE}]]
            for bad in (*changes, *([{"id": "east-1", "state": state}] for state in NO_STATES)):
                answer = await client.post("/changes", content=json.dumps(bad))
                assert answer.status_code == 422, bad
                assert "no changes: a list" in answer.json()["detail"]
            for bad in NO_WRITES:
                assert (await client.post("/writes", content=json.dumps(bad))).status_code == 422, bad
            for door, most in (("/changes", CHANGES_BYTES), ("/writes", BODY_BYTES)):
                assert (await client.post(door, content=b"[" * (most + 1))).status_code == 413
                assert (await client.post(door, content=b"[" * most)).status_code == 400
            after = await client.get("/links/east-1")
            assert (after.json(), after.headers["etag"]) == (before.json(), '"east:3"')

    play(steps())


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.1)

    async def never() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.sleep(60)

    async def steps() -> None:
        async with region_of("owner") as client, asyncio.timeout(30):
            for method, door in (("PUT", "/links/a"), ("POST", "/changes"), ("POST", "/writes")):
                assert (await client.request(method, door, content=never())).status_code == 408, door

    play(steps())


def test_who_writes_without_reading_adds_siblings_until_there_are_too_many() -> None:
    """And a link with all of them, in their longest form, gets through the other region's door."""

    async def steps() -> None:
        async with region_of("version-vector") as client:
            url = "https://example.com/".ljust(2048, '"')  # it takes two bytes each in JSON
            for _ in range(SIBLINGS):
                answer = await client.put("/links/a", json={"url": url})
                assert answer.status_code == 200
            assert (await client.put("/links/a", json=URL)).status_code == 428
            read = {"If-Match": answer.headers["etag"]}
            assert (await client.put("/links/a", json=URL, headers=read)).json()["urls"] == [URL["url"]]
            siblings = [{**VALUE, "number": number + 1, "url": url} for number in range(2 * SIBLINGS)]
            change = {"id": "b", "state": {"values": siblings, "seen": {"east": 2 * SIBLINGS}}}
            assert (await client.post("/changes", json=[change])).status_code == 200

    play(steps())


def test_a_write_that_another_region_owns_is_not_decided_here() -> None:
    async def steps() -> None:
        async with region_of("owner") as client:
            answer = await client.post("/writes", json={"id": "west-1", "url": URL["url"], "read": ""})
            assert answer.status_code == 421

    play(steps())


@contextlib.asynccontextmanager
async def other_side(answers: list[bytes]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives each request the next answer, and none once there is no more; its url, and what it got."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                got.append(await reader.readexactly(length))
                if answers:
                    writer.write(answers.pop(0))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", got


def ok(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


DECIDED = json.dumps({"state": STATE}).encode()


def test_an_owner_that_answers_decides_for_the_far_region_too() -> None:
    async def steps() -> None:
        read = {"If-Match": '"east:2"'}
        async with (
            other_side([ok(DECIDED), ok(DECIDED, b"412 Precondition Failed")]) as (url, got),
            region_of("owner", "west", url) as client,
        ):
            answer = await client.put("/links/east-1", json=URL, headers=read)
            assert (answer.status_code, answer.json()["version"]) == (200, "east:3")
            assert (await client.get("/links/east-1")).json() == answer.json()
            assert b'"read":"east:2"' in got[0]
            assert (await client.put("/links/east-1", json=URL, headers=read)).status_code == 412

    play(steps())


@pytest.mark.parametrize("answers", [[], [b"nonsense\r\n\r\n"], [ok(b"{")], [ok(b"{}")], [ok(b"{}", b"500 Oh")]])
def test_an_owner_out_of_reach_is_a_503_in_time(answers: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps() -> None:
        async with other_side(list(answers)) as (url, _), region_of("owner", "west", url) as client:
            answer = await client.put("/links/east-1", json=URL)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        async with region_of("owner", "west") as client:
            assert (await client.put("/links/east-1", json=URL)).status_code == 503

    monkeypatch.setattr(other_region, "SECONDS", 0.3)
    began = time.monotonic()
    play(steps())
    assert time.monotonic() - began < 5.0


def test_the_outbox_is_sent_again_until_it_is_received_and_in_parts_if_it_must(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender, "IDLE_SECONDS", 0.01)

    async def steps() -> None:
        store = Memory()
        store.outbox = [(1, "east-1", {"a": 1}), (2, "east-2", {"a": 2})]
        answers = [ok(b"{}", b"503 No"), ok(b"{}", b"413 Too much"), ok(b"{}"), ok(b"{}")]
        async with other_side(answers) as (url, got):
            far = OtherRegion("west", url)
            sending = Sender(store, far)
            with pytest.raises(Unavailable):
                await sending._send()
            assert len(store.outbox) == 2
            await sending._send()
            assert store.outbox == []
            far.close()
            first, second = b'{"id":"east-1","state":{"a":1}}', b'{"id":"east-2","state":{"a":2}}'
            assert got == [b"[%b,%b]" % (first, second)] * 2 + [b"[%b]" % first, b"[%b]" % second]

    play(steps())


def test_a_variable_that_will_not_do() -> None:
    good = {"REGION": "east", "OTHER_REGION": "west", "OTHER_REGION_URL": NOBODY, "DATABASE_URL": "postgresql://x/y"}
    assert wire({**good, "RULE": "owner", "CLOCK_SKEW": ""})
    with pytest.raises(KeyError):
        wire(good)
    with pytest.raises(ValueError, match="none of"):
        wire({**good, "RULE": "newest"})
    for name in ("", "a:b", "a,b", "šiauliai", "east\n", "x" * 33):
        with pytest.raises(ValueError, match="a region is named by") as raised:
            wire({**good, "RULE": "owner", "OTHER_REGION": name})
        assert str(raised.value).startswith("OTHER_REGION=")
