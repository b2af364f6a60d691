"""Which links a batch of events counts, and what is wrong with the rest."""

from __future__ import annotations

import pytest

from checks.unit.service.clicks import click
from shortener.lab3_cache_and_events.clicks_in import MOST_BYTES, clicks_in

GOOD = click("abc1234")


def test_a_batch_of_clicks_is_counted_by_link() -> None:
    assert clicks_in([GOOD, click("xyz0000"), GOOD]) == ({"abc1234": 2, "xyz0000": 1}, {})
    assert clicks_in([]) == ({}, {})


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "no value"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"link_id":"\\ud800"}', "not JSON"),
        (b"[" * 100_000, "4,096 bytes"),
        (b"[" * 4_000, "not JSON"),
        (b'"abc1234"', "not a JSON object"),
        (b'[{"link_id":"abc1234"}]', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"1e999", "not"),
        (b"{}", "no link_id"),
        (click(None), "not the id"),
        (click(1234567), "not the id"),
        (click(["abc1234"]), "not the id"),
        (click({}), "not the id"),
        (click("abc12345"), "not the id"),
        (click("abc123é"), "not the id"),
        (click("abc1234\n"), "not the id"),
        (click("metrics"), "not the id"),
        (click("x" * MOST_BYTES), "4,096 bytes"),
    ],
)
def test_what_is_no_click_is_told_apart_from_those_around_it(value: bytes | None, why: str) -> None:
    clicks, wrong = clicks_in([GOOD, value, GOOD])
    assert clicks == {"abc1234": 2}
    assert list(wrong) == [1]
    assert why in wrong[1]


def test_a_click_that_is_padded_beyond_bounds_is_none_even_among_good_ones() -> None:
    clicks, wrong = clicks_in([GOOD, GOOD + b" " * MOST_BYTES])
    assert (clicks, list(wrong)) == ({"abc1234": 1}, [1])
