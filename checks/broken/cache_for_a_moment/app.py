"""Gives what it caches 5 milliseconds to live, where seconds were meant."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events import cached_store

cached_store.TTL = 5
run()
