"""Clients that read links, and now and then change one, each with its own session; what of its own was stale. Lab 5."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from checks.lab5.client import Client, fresh_url, url_of
from checks.plugin.service import Service

WRITES = 0.1  # of all requests
LINKS = 5  # of each client
JSON_SHARE = 0.5  # of the reads ask for the link's JSON; the others follow it


@dataclass
class Seen:
    """What one client, or all of them, saw. `stale` tells of reads that were older than what their client had seen."""

    reads: int = 0
    shown: int = 0  # reads of the link's JSON: each asks the database
    writes: int = 0
    stale: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Seen) -> Seen:
        reads, shown, writes = self.reads + other.reads, self.shown + other.shown, self.writes + other.writes
        return Seen(reads, shown, writes, self.stale + other.stale, self.failed + other.failed)


def load(
    copies: Mapping[str, Service], reads: int, clients: int, *, keeps: bool = True, json_share: float = JSON_SHARE
) -> Seen:
    """So many reads in all, by so many clients at once, each with links of its own that it alone changes."""
    with ThreadPoolExecutor(clients) as pool:
        share = reads // clients
        runs = [pool.submit(_one, Client(copies, keeps=keeps), share, number, json_share) for number in range(clients)]
        return sum((run.result() for run in runs), Seen())


def _one(client: Client, reads: int, number: int, json_share: float) -> Seen:
    seen, drawn = Seen(), random.Random(number)
    urls: dict[str, list[str]] = {}  # of each link, those that it has had
    for _ in range(LINKS):
        url = fresh_url("made")
        urls[str(client.ask("POST", "/links", url).json()["id"])] = [url]
    links = list(urls)
    while seen.reads < reads:
        link_id = drawn.choice(links)
        if drawn.random() < WRITES / (1 - WRITES):
            _change(client, link_id, urls[link_id], seen)
            _read(client, link_id, urls[link_id], seen, shown=True)  # at once: before a replica can have it
        else:
            _read(client, link_id, urls[link_id], seen, drawn.random() < json_share)
    return seen


def _change(client: Client, link_id: str, urls: list[str], seen: Seen) -> None:
    """It gets one url more. Of one that failed nobody knows whether it is in."""
    url = fresh_url("load")
    answer = client.changed(link_id, url)
    seen.writes += 1
    if answer.status == 200:
        urls.append(url)
    else:
        seen.failed[f"PATCH {answer.status}"] += 1


def _read(client: Client, link_id: str, urls: Sequence[str], seen: Seen, shown: bool) -> None:
    """Nobody but this client changes the link: it must see its own last change."""
    answer = client.shown(link_id) if shown else client.followed(link_id)
    seen.reads += 1
    seen.shown += shown
    url = url_of(answer)
    if url is None:
        seen.failed[f"GET {answer.status}"] += 1
    elif url in urls[:-1]:
        ago = len(urls) - 1 - urls.index(url)
        seen.stale.append(f"{answer.sent.method} {answer.sent.path} showed what it was {ago} changes before")
