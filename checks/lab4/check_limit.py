"""The limit of POST /links: exact over all copies, told in words that help, and only where it belongs. Lab 4.

What a flood must have got through is no guess: between the first POST and the last one a bucket of `RATE_BURST` tokens
gains `RATE_LIMIT` a second. When each POST was counted is known within its own latency, and so is the right number."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

from checks.lab1.problem import expect_problem
from checks.lab4.flood import Flood, Limit, each_copy, flood, fresh_client
from checks.plugin.service import Answer, Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive

SECONDS = 2.0  # beyond the first refusal, in which the rate is measured
TRIES = 2
BLUR = 0.1  # of what is right: if the machine leaves more of it open, it decides nothing
BARELY = 0.2  # seconds beyond the first refusal, where only that is wanted
WAIT = 5  # seconds that Retry-After may ask for here: there is another token in a moment
FORGED = ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP")


def check_limit_exact(stand: Stand, note: Callable[[str], None]) -> None:
    """One client gets through what the limit allows, and no link more, over all copies together"""
    limit, copies = Limit.of(stand), each_copy(stand)
    did = f"Sent more POSTs than {limit}, from one client, to {len(copies)} copies in turn."
    for number in range(TRIES):
        client = fresh_client()
        done = flood(copies, lambda client=client: client, SECONDS)  # type: ignore[misc]
        most = _expect_no_more(done, limit, did)
        least, passed = done.least(limit), len(done.made) + len(done.of(503))
        note(f"{len(done.made)} links, {len(done.refused)} refusals; {least:.0f} to {most:.0f} links are right")
        got = f"{passed} passed, and the others were refused"
        expect(passed >= least, did=did, expected=f"that at least {least:.0f} pass, as the bucket held them", got=got)
        if most - least <= BLUR * most:
            return
        if number == TRIES - 1:
            inconclusive(f"the answers took so long here that anything from {least:.0f} to {most:.0f} would be right")


def check_limit_told(stand: Stand) -> None:
    """Over the limit POST is 429, with Retry-After that holds good, RateLimit-Policy and RateLimit"""
    limit, copies = Limit.of(stand), each_copy(stand)
    client = fresh_client()
    did = f"Sent more POSTs than {limit}, from one client."
    refused = _refused(copies, client, limit, did)
    expect_problem(refused, 429, did)
    said = refused.headers.get("retry-after", "")
    whole = said.isascii() and said.isdigit() and 1 <= int(said) <= WAIT
    expected = "Retry-After: the whole seconds until there is a token again, 1 or a few"
    expect(whole, did=did, expected=expected, got=f"Retry-After: {said}" if said else "no Retry-After")
    for name, parameter, example in (
        ("ratelimit-policy", "q", f'RateLimit-Policy: "links";q={limit.burst}'),
        ("ratelimit", "r", 'RateLimit: "links";r=0'),
    ):
        header = refused.headers.get(name)
        number = re.search(rf";\s*{parameter}=(\d+)", header or "")
        right = number is not None and (parameter != "r" or number[1] == "0")
        expected = f"a header such as {example} (draft-ietf-httpapi-ratelimit-headers)"
        expect(right, did=did, expected=expected, got=f"{name}: {header}" if header else f"no {name} header")
    time.sleep(int(said))
    again = _post(copies[-1], client)
    expect(again.status == 201, did=f"{did} Waited as Retry-After said, and sent it again.", expected="201", got=again)


def check_limit_spares(stand: Stand, note: Callable[[str], None]) -> None:
    """Whoever is over the limit may still read, and nobody else is touched by it"""
    limit, copies = Limit.of(stand), each_copy(stand)
    client, other = fresh_client(), fresh_client()
    link = copies[0].post({"url": "https://example.com/read"}, fresh_client())
    expect(link.status == 201, did="Created a link.", expected="201", got=link)
    paths = (f"/{link.json()['id']}", f"/links/{link.json()['id']}", "/links?url=https%3A%2F%2Fexample.com%2Fread")
    did = f"Sent more POSTs than {limit}, from one client; then read from the same one."
    _refused(copies, client, limit, did)
    reads, began = 2 * limit.burst, time.monotonic()
    for number in range(reads):
        answer = copies[number % len(copies)].request("GET", paths[number % len(paths)], headers=client)
        right = answer.status == (302 if number % len(paths) == 0 else 200)
        expect(right, did=did, expected="302 and 200: reads are never limited", got=answer)
    note(f"{reads} reads at {reads / (time.monotonic() - began):,.0f} a second")
    answer = _post(copies[0], other)
    did = "One client is over its limit; sent POST /links from another address."
    expect(answer.status == 201, did=did, expected="201: each address has a limit of its own", got=answer)


def check_limit_forged(stand: Stand, note: Callable[[str], None]) -> None:
    """A client that makes up another address for each POST is limited all the same"""
    limit = Limit.of(stand)
    through_the_balancer = stand.service.at(stand.service.base_url, patient=False)
    did = f"Sent more POSTs than {limit} to the balancer, each with another address in {', '.join(FORGED)}."

    def forged() -> dict[str, str]:
        address = fresh_client()["X-Forwarded-For"]
        return {**dict.fromkeys(FORGED, address), "Forwarded": f"for={address}"}

    done = flood([through_the_balancer], forged, BARELY)
    _expect_no_more(done, limit, did, why="A client can write what it likes: the balancer alone knows its address.")
    note(f"{len(done.made)} links, then refused")


def _expect_no_more(done: Flood, limit: Limit, did: str, why: str = "Does each copy count for itself?") -> float:
    """No more links than can be right, and somebody was refused at all. How many can be."""
    if not done.made:
        expect(done.refused, did=did, expected="links", got="none, and nobody was refused")
        inconclusive("not one link was made: who makes links from this address meanwhile?")
    most = done.most(limit)
    got = f"{len(done.made)} in {done.tries[-1].end - done.tries[0].start:.1f} s. {why}"
    expect(len(done.made) <= most, did=did, expected=f"at most {most:.0f} links", got=got)
    if not done.refused:
        inconclusive(
            f"this machine made only {len(done.made)} links in that time, not enough to come to a limit of {limit}"
        )
    return most


def _refused(copies: list[Service], client: dict[str, str], limit: Limit, did: str) -> Answer:
    """The last refusal of a client that has used up its limit."""
    done = flood(copies, lambda: client, BARELY)
    _expect_no_more(done, limit, did)
    return done.refused[-1].answer


def _post(service: Service, client: dict[str, str]) -> Answer:
    return service.post({"url": f"https://example.com/limit/{random.getrandbits(48):x}"}, client)
