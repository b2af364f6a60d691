"""Lab 5's reads: how many of them replicas answer under 10 % writes, and how many are older than what their own client
has written, while one replica is late; beside it the same without session tokens."""

from __future__ import annotations

import sys
import time

from bench.figure import Figure
from bench.many_copies import many_copies
from checks.lab5.held_back import reads_by_node
from checks.lab5.session_load import Seen, load
from checks.plugin.copies import every_copy
from checks.plugin.service import Service
from checks.plugin.stand import Stand
from infra.failover.cluster import leader_of, look
from infra.runtime.protocol import Runtime

READS, STRANGERS_READS = 100_000, 10_000
CLIENTS = 8
SHARE = 0.8
LATE = 0.05  # seconds, each way, by which one of the replicas gets its log late


def run() -> list[Figure]:
    with many_copies("local", 5) as stage:
        stand = Stand(stage.project, stage.runtime, Service(stage.project.base_url), own=True)
        copies, leader = every_copy(stand), leader_of(stage.runtime)
        _slow_a_replica(stage.runtime, leader)
        without = load(copies, STRANGERS_READS, CLIENTS, keeps=False)
        before, began = reads_by_node(stand), time.monotonic()
        seen = load(copies, READS, CLIENTS)
        seconds = time.monotonic() - began
        after = reads_by_node(stand)
        stand.service.close()
    asked = {node: after[node] - before[node] for node in after}
    # Of those that surely asked the database. One read may ask a replica more than once, until it has caught up.
    share = 1 - asked[leader] / seen.shown
    said = ", ".join(f"{node} {count:,}" for node, count in asked.items())
    print(f"{_words(seen)}, in {seconds:.0f} s; queries for links: {said} ({leader} leads)", file=sys.stderr)
    print(f"without the token: {_words(without)}", file=sys.stderr)
    assert not seen.failed, f"not every request was answered: {seen.failed}"
    baseline = 1000 * len(without.stale) / without.reads
    return [
        Figure("reads of links on replicas, 10 % writes", 100 * share, "%", f"at least {SHARE:.0%}", share >= SHARE),
        Figure(
            f"stale reads of its own session in {seen.reads:,}",
            len(seen.stale),
            "",
            "none",
            not seen.stale,
            baseline,
            "in 1,000 without the token",
        ),
    ]


def _slow_a_replica(runtime: Runtime, leader: str) -> None:
    """The one that commits do not wait for: on a quiet machine every replica has a write before its client can ask."""
    cluster = look(runtime)
    late = next(name for name in cluster.nodes if name not in (leader, *cluster.standbys))
    runtime.slow(late, leader, LATE)


def _words(seen: Seen) -> str:
    return f"{seen.reads:,} reads ({seen.shown:,} as JSON), {seen.writes:,} writes, {len(seen.stale)} stale"
