"""A bulkhead: no more than so many wait for one thing at a time, so that it sinks alone. Lab 4.

Named after the walls in a ship's hull: Michael Nygard, "Release It!" (2007)."""

from types import TracebackType

from prometheus_client import Counter

from shortener.lab3_cache_and_events.cache import CacheAway


class BulkheadFull(CacheAway):
    """All places are taken. It would only wait behind those who wait already."""


class Bulkhead:
    """A `with` block is a place. Nobody queues for one."""

    def __init__(self, places: int, rejected: Counter) -> None:
        self._free, self._rejected = places, rejected

    def __enter__(self) -> None:
        if self._free <= 0:
            self._rejected.inc()
            raise BulkheadFull("too many wait for the cache already")
        self._free -= 1

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._free += 1
