"""Reads from replicas that lag: with its session token a client reads its own writes and never reads backwards. Lab 5.

Each check first shows that there is something to see: without a token it sees an old state while the replicas are held
back: they receive everything, and show nothing of it. Where nothing is stale, it decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from checks.lab5.client import Client, fresh_url, url_of
from checks.lab5.held_back import held_back
from checks.plugin.service import Answer
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive

ROUNDS = 6  # reads of each kind, which go from copy to copy
HELD = "held the replicas back"
CURRENT = "each read as new as what this client has written or seen: the leader is asked when no replica has caught up"


def check_own_writes(stand: Stand, note: Callable[[str], None]) -> None:
    """A client sees its own writes at every copy while the replicas lag, with its token; a stranger does not"""
    writer, stranger = Client.of(stand), Client.of(stand, keeps=False)
    changed, gone = (_made(writer, fresh_url(word)) for word in ("old", "gone"))
    new = fresh_url("new")
    with held_back(stand):
        _expect_done(writer.changed(changed, new), 200, "Changed a link.")
        _expect_done(writer.ask("DELETE", f"/links/{gone}"), 204, "Deleted a link.")
        expect(writer.token, did="Changed a link.", expected="the header Session-Token", got="no such header")
        stale = _stale(stranger, changed, new)
        did = f"Changed and deleted links while I {HELD}, then read with the token of the last answer, at every copy."
        for _ in range(ROUNDS):  # one kind after the other, so that each goes to each copy
            answer = writer.shown(changed)
            expect(url_of(answer) == new, did=did, expected=f"200 and {new}: {CURRENT}", got=answer)
        for _ in range(ROUNDS):
            answer = writer.shown(gone)
            expect(answer.status == 404, did=did, expected=f"404 for the deleted link: {CURRENT}", got=answer)
        for _ in range(ROUNDS):
            answer = writer.ask("GET", f"/links?url={quote(new, safe='')}")
            found = answer.json().get("items", []) if answer.status == 200 else []
            listed = [item.get("id") for item in found] == [changed]
            expect(listed, did=did, expected=f"200 and the link among those to its new url: {CURRENT}", got=answer)
    _judge(stale, note)


def check_never_backwards(stand: Stand, note: Callable[[str], None]) -> None:
    """Who has once seen a change sees it from then on, at every copy, without having written anything"""
    writer, stranger = Client.of(stand, keeps=False), Client.of(stand, keeps=False)
    links = [_made(writer, fresh_url("old")) for _ in range(ROUNDS)]
    with held_back(stand):
        stale = seen = 0
        for link in links:
            new = fresh_url("new")
            _expect_done(writer.changed(link, new), 200, "Changed a link.")
            stale += _stale(stranger, link, new, times=1)
            reader = Client.of(stand)
            if url_of(reader.followed(link)) != new:
                continue  # that is the matter of cache-and-replicas
            seen += 1
            did = f"Followed a changed link while I {HELD}, then asked for it with that answer's token at another copy."
            for _ in range(3):
                answer = reader.shown(link)
                still = url_of(answer) == new
                expect(still, did=did, expected=f"200 and {new}, as it was seen before: {CURRENT}", got=answer)
    _judge(stale, note)
    if not seen:
        inconclusive("no redirect showed its change while the replicas were held back: nothing was there to be seen on")


def check_cache_and_replicas(stand: Stand, note: Callable[[str], None]) -> None:
    """A redirect follows a change at once though the replicas lag: none of them fills the cache with the old url"""
    writer, stranger = Client.of(stand), Client.of(stand, keeps=False)
    links = [_made(writer, fresh_url("old")) for _ in range(ROUNDS)]
    gone = _made(writer, fresh_url("gone"))
    for link in (*links, gone):
        _expect_done(stranger.followed(link), 302, "Followed a link.")
    with held_back(stand):
        stale = 0
        did = f"Changed a link while I {HELD}, then followed it at every copy, as a stranger without a token."
        for link in links:
            new = fresh_url("new")
            _expect_done(writer.changed(link, new), 200, "Changed a link.")
            for _ in range(3):
                answer = stranger.followed(link)
                follows = url_of(answer) == new
                expected = f"302 to {new}: what a lagging replica says must not be cached after a change was told"
                expect(follows, did=did, expected=expected, got=answer)
            stale += _stale(stranger, link, new, times=1)
        _expect_done(writer.ask("DELETE", f"/links/{gone}"), 204, "Deleted a link.")
        for _ in range(3):
            _expect_done(stranger.followed(gone), 404, did.replace("Changed", "Deleted"))
        fresh = _made(writer, fresh_url("made"))  # no replica knows it
        answer = stranger.followed(fresh)
        did = f"Created a link while I {HELD}, then followed it as a stranger."
        expect(answer.status == 302, did=did, expected="302: that it is not there only the leader can tell", got=answer)
    _judge(stale, note)


def _made(client: Client, url: str) -> str:
    answer = client.ask("POST", "/links", url)
    _expect_done(answer, 201, "Created a link.")
    return str(answer.json()["id"])


def _expect_done(answer: Answer, status: int, did: str) -> None:
    expect(answer.status == status, did=did, expected=str(status), got=answer)


def _stale(stranger: Client, link: str, new: str, times: int = ROUNDS) -> int:
    """How many reads without a token showed an old state."""
    return sum(url_of(stranger.shown(link)) not in (new, None) for _ in range(times))


def _judge(stale: int, note: Callable[[str], None]) -> None:
    note(f"{stale} reads without the token were stale, none with it")
    if not stale:
        inconclusive("no read without the token was stale while the replicas were held back: nothing reads from them")
