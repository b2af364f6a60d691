"""Replicas do the work of the reads: each node's own statistics (pg_stat_statements) tell what it was asked. Lab 5."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from checks.lab5.client import Client, fresh_url
from checks.lab5.held_back import reads_by_node
from checks.lab5.session_load import load
from checks.plugin.copies import every_copy
from checks.plugin.redis_server import redis_server
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect, inconclusive
from infra.failover.cluster import leader_of

READS, CLIENTS = 600, 6
MISSES = 120
TRIES = 3  # of the share: a replica that is late because the machine is busy is so no second time
SHARE = 0.8  # of the reads, at least, on replicas
MOSTLY = f"at least {SHARE:.0%} of the reads on replicas"
COUNTED = 0.5  # of the reads, at least, must be found in the nodes' statistics to say anything


@dataclass(frozen=True)
class Share:
    """Of so many reads: the queries that each node ran for them."""

    reads: int
    asked: Mapping[str, int]
    leader: str

    @property
    def replicas(self) -> float:
        """Of the reads; one may ask a replica again, until it has caught up."""
        return max(0.0, 1 - self.asked[self.leader] / self.reads)

    def __str__(self) -> str:
        words = (f"{node} {count:,}{' (leads)' * (node == self.leader)}" for node, count in self.asked.items())
        return f"{self.replicas:.0%} of {self.reads:,} reads on replicas; queries: {', '.join(words)}"


def check_replica_share(stand: Stand, note: Callable[[str], None]) -> None:
    """At least 80 % of the reads are answered by replicas while a tenth of the requests writes, and none is stale"""
    did = f"{CLIENTS} clients read {READS} times with their tokens, from copy to copy, and wrote a tenth as often."
    copies = every_copy(stand)

    def read() -> int:
        seen = load(copies, READS, CLIENTS, json_share=1.0)
        stale = f"{len(seen.stale)} stale reads, such as {seen.stale[:1]}"
        expect(not seen.stale, did=did, expected="each read as new as what its client has written or seen", got=stale)
        failed = ", ".join(f"{times} times {what}" for what, times in seen.failed.items())
        expect(not seen.failed, did=did, expected="200 each time", got=failed)
        return seen.reads

    best = _best(lambda: _share(stand, read))
    note(f"{best}; none stale")
    expect(best.replicas >= SHARE, did=did, expected=MOSTLY, got=best)


def check_misses_on_replicas(stand: Stand, note: Callable[[str], None]) -> None:
    """At least 80 % of the redirects that the cache does not know are answered from replicas"""
    did = f"Followed {MISSES} links that were not in Redis, one after the other, from copy to copy."
    client = Client.of(stand)

    def once() -> Share:
        links = _uncached(stand, client)
        return _share(stand, lambda: _followed(links, client, did))

    best = _best(once)
    note(str(best))
    expect(best.replicas >= SHARE, did=did, expected=MOSTLY, got=best)


def _best(once: Callable[[], Share]) -> Share:
    shares: list[Share] = []
    while len(shares) < TRIES and all(one.replicas < SHARE for one in shares):
        shares.append(once())
    return max(shares, key=lambda one: one.replicas)


def _share(stand: Stand, read: Callable[[], int]) -> Share:
    """`read` says how often it has read."""
    leader, before = leader_of(stand.runtime), reads_by_node(stand)
    reads = read()
    after = reads_by_node(stand)
    asked = {node: after[node] - before.get(node, 0) for node in after}
    counted = sum(asked.values())
    if counted < COUNTED * reads:
        inconclusive(f"of {reads} reads the nodes' statistics show {counted} only: this check cannot tell who answered")
    return Share(reads, asked, leader)


def _uncached(stand: Stand, client: Client) -> list[str]:
    """The ids of new links, which no key of Redis holds."""
    answers = [client.ask("POST", "/links", fresh_url("miss")) for _ in range(MISSES)]
    for answer in answers:
        expect(answer.status == 201, did="Created a link.", expected="201", got=answer)
    links = [answer.json() for answer in answers]
    with redis_server(stand) as redis:
        redis.expire([key for keys in redis.keys_of(links).values() for key in keys])
    return [str(link["id"]) for link in links]


def _followed(links: Sequence[str], client: Client, did: str) -> int:
    for link in links:
        answer = client.followed(link)
        expect(answer.status == 302, did=did, expected="302 each time", got=answer)
    return len(links)
