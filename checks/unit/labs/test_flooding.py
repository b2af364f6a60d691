"""The flood of new links: paced, counted by what became of each POST, and not held up by a door that is shut."""

from __future__ import annotations

import time

from checks.unit.labs.turning_copies import turning_copies
from labs.lab4_many_copies.flooding import Counts, flood

ADDRESSES = [f"10.0.0.{number}" for number in range(1, 21)]


def test_every_post_is_counted_and_has_an_address_and_a_url_of_its_own() -> None:
    counts = Counts()
    with turning_copies("app-1") as one, turning_copies("app-2") as other:
        flood([one.address, other.address], ADDRESSES, 200.0, 0.5, counts)
    urls = one.urls + other.urls
    assert one.urls
    assert other.urls
    assert 32 <= counts.sent <= 132  # one of each connection at once, and 200 a second after that
    assert counts.made == len(urls) == len(set(urls))
    assert one.clients | other.clients == set(ADDRESSES)


def test_refusals_are_counted_apart() -> None:
    counts = Counts()
    with turning_copies("app-1") as copies:
        copies.post_status = 429
        flood([copies.address], ADDRESSES, 200.0, 0.2, counts)
    assert (counts.made, counts.refused) == (0, counts.sent)


def test_a_door_where_nobody_answers_ends_in_time() -> None:
    counts, began = Counts(), time.monotonic()
    flood([("127.0.0.1", 1)], ADDRESSES, 200.0, 0.3, counts)
    assert time.monotonic() - began < 5
    assert counts == Counts()
