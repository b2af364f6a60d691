"""The stage's Redis, asked directly: what it has counted, which keys hold a link, and when they expire. Lab 3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from checks.eventually import eventually
from checks.plugin.stand import Stand
from checks.plugin.verdict import inconclusive

PATIENCE = 2.0  # seconds for a key that shall expire at once to be gone
SECONDS = 5.0  # that this client waits for Redis


@dataclass(frozen=True)
class Lookups:
    """Keys that were looked up, found and not, since the server started. A key of an MGET or of a script counts too."""

    hits: int
    misses: int

    def __sub__(self, earlier: Lookups) -> Lookups:
        return Lookups(self.hits - earlier.hits, self.misses - earlier.misses)

    @property
    def all(self) -> int:
        return self.hits + self.misses

    @property
    def share(self) -> float:
        """Of all lookups, those that found something. 0 when there was none."""
        return self.hits / self.all if self.all else 0.0


class RedisServer:
    """Its keyspace is public between the service and this reader: a key holds a link when its name contains the link's
    id, or else when its value (a string's, a hash's) contains the link's url."""

    def __init__(self, client: Any) -> None:
        """`client`: a redis.Redis that answers with bytes, or what behaves like one."""
        self._client = client

    def lookups(self) -> Lookups:
        stats = self._client.info("stats")
        return Lookups(int(stats["keyspace_hits"]), int(stats["keyspace_misses"]))

    def keys_of(self, links: Sequence[Mapping[str, Any]]) -> dict[str, list[bytes]]:
        """By link id, the keys that hold it, none for a link that is not there. A link needs `id` and `url`."""
        names = list(dict.fromkeys(self._client.scan_iter(count=1000)))
        found = {str(link["id"]): [name for name in names if str(link["id"]).encode() in name] for link in links}
        unnamed = [link for link in links if not found[str(link["id"])]]
        if unnamed:
            values = self._values(names)
            for link in unnamed:
                url = str(link["url"]).encode()
                found[str(link["id"])] = [name for name, value in values.items() if url in value]
        return found

    def seconds_left(self, names: Sequence[bytes]) -> dict[bytes, float | None]:
        """Of those keys that are still there; None: it never expires."""
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.pttl(name)
        left = zip(names, pipe.execute(), strict=True)
        return {
            name: None if milliseconds == -1 else milliseconds / 1000
            for name, milliseconds in left
            if milliseconds != -2
        }

    def expire(self, names: Sequence[bytes]) -> None:
        """Their time is over now. Returns when they are gone."""
        if not names:
            return
        for name in names:
            self._client.pexpire(name, 1)
        eventually(lambda: not self._client.exists(*names), within=PATIENCE, every=0.002)

    def _values(self, names: Sequence[bytes]) -> dict[bytes, bytes]:
        kinds = self._client.pipeline(transaction=False)
        for name in names:
            kinds.type(name)
        values: dict[bytes, bytes] = {}
        for name, kind in zip(names, kinds.execute(), strict=True):
            if kind == b"string":
                values[name] = self._client.get(name) or b""
            elif kind == b"hash":
                values[name] = b"\n".join(self._client.hvals(name))
        return values


@contextmanager
def redis_server(stand: Stand) -> Iterator[RedisServer]:
    """Past the relay: it works while the service's link is cut. A Redis that does not answer leaves the check open."""
    host, port = stand.runtime.address("redis")
    password = stand.runtime.stage.box("redis").environment["REDIS_PASSWORD"]
    with redis.Redis(host=host, port=port, password=password, socket_timeout=SECONDS) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            inconclusive(f"the stage's Redis does not let the check in: {error}")
        yield RedisServer(client)
