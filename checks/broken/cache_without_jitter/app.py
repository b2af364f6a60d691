"""Gives every cached link the same time to live."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events import cached_store

cached_store.JITTER = 0.0
run()
