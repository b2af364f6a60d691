"""Refuses what is over the limit, and does not say when to come back."""

from starlette.types import ASGIApp

from checks.broken.spoil import run
from shortener.lab4_many_copies import rate_limit
from shortener.lab4_many_copies.token_buckets import Taken

too_many = rate_limit.too_many


def silent(taken: Taken) -> ASGIApp:
    refusal = too_many(taken)
    del refusal.headers["retry-after"]  # type: ignore[attr-defined]
    return refusal


rate_limit.too_many = silent
run()
