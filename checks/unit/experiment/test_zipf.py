"""Popular links are popular as Zipf's law says."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from infra.experiment.load.urls import unique_url
from infra.experiment.load.zipf import Zipf


def test_rank_k_is_drawn_in_proportion_to_one_over_k() -> None:
    ranks = Zipf(100, random=Random(7))
    counts = Counter(ranks.draw() for _ in range(50_000))
    harmonic = sum(1 / rank for rank in range(1, 101))
    for rank in (1, 2, 5, 10):
        assert counts[rank - 1] / 50_000 == pytest.approx(1 / rank / harmonic, rel=0.1)
    assert set(counts) <= set(range(100))


def test_one_link_is_always_that_link() -> None:
    assert {Zipf(1).draw() for _ in range(10)} == {0}


def test_no_link_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Zipf(0)


def test_urls_are_unique_and_hold_what_a_tidy_service_would_change() -> None:
    urls = [unique_url("run", number) for number in range(1000)]
    assert len(set(urls)) == 1000
    assert any("Example.COM" in url for url in urls)
    assert all(url.isascii() and url.isprintable() and " " not in url for url in urls)
