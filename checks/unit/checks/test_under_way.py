"""Which POSTs a change of the leader cut off: those of whose link nobody can say what became of it."""

from __future__ import annotations

from typing import cast

from checks.lab5.under_way import LOOKED_AT, Post, UnderWay
from checks.plugin.stand import Stand
from infra.failover.change import Change

CHANGE = Change("pg-1", "pg-2", began=10.0, free=11.0, promoted=12.0)


def post(began: float, ended: float, link_id: str | None = None) -> Post:
    return Post(f"https://example.com/{began}", "key", began, ended, link_id)


def cut_off(*posts: Post, change: Change = CHANGE) -> list[Post]:
    return UnderWay(cast("Stand", None), list(posts)).cut_off(change)


def test_those_that_were_under_way_and_not_answered_in_order() -> None:
    before, answered = post(9.0, 9.5, "a"), post(9.8, 10.3, "b")  # the second before the kill had its effect
    failed, late, meanwhile = post(10.2, 10.8), post(10.4, 13.0, "c"), post(10.9, 10.95)
    after = post(11.5, 12.5, "d")
    assert cut_off(before, answered, failed, late, meanwhile, after) == [failed, late, meanwhile]


def test_where_the_lease_was_never_seen_free_the_promotion_ends_it() -> None:
    unseen = Change("pg-1", "pg-2", began=10.0, free=None, promoted=12.0)
    assert cut_off(post(11.5, 12.5, "d"), post(12.1, 12.5), change=unseen) == [post(11.5, 12.5, "d")]


def test_no_more_are_looked_at_than_can_be_sent_again_soon() -> None:
    assert len(cut_off(*[post(10.1, 10.2) for _ in range(100)])) == LOOKED_AT
