"""Links read from replicas. Lab 5."""

from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres.postgres_store import PostgresStore
from shortener.lab3_cache_and_events.cache import CacheAway
from shortener.lab5_failover.position import leader_has
from shortener.lab5_failover.replica_reads import ReplicaReads
from shortener.lab5_failover.server_connection import Reading
from shortener.lab5_failover.session import current


class ReplicaStore(PostgresStore):
    """Lab 2's store over such reads, which know the session."""

    def __init__(self, reads: ReplicaReads) -> None:
        super().__init__(reads)
        self._routed = reads

    async def find_url(self, link_id: str) -> str | None:
        reading = await self.find_url_at(link_id)
        current().saw(reading.seen)
        return reading.value

    async def find_url_at(self, link_id: str) -> Reading[str | None]:
        """As new as the current session needs it. Raises Unavailable."""
        return await self._routed.find_url(link_id, current().asked)

    async def check(self) -> None:
        """Any server that answers will do, also while there is no link yet: nothing but an empty answer would ask the
        leader."""
        await self._routed.fetch("SELECT EXISTS (SELECT FROM links)")

    async def find_newest_url(self, link_id: str) -> Reading[str | None]:
        """As new as the leader was when this was called, or newer. Raises Unavailable, CacheAway when nobody can say
        how new that is."""
        if not self._routed.replicas:
            return await self._routed.find_url(link_id, current().asked)
        try:
            wanted = await self._routed.position()
        except Unavailable:
            raise CacheAway("without the leader nobody knows whether this would be new enough to be cached") from None
        if not leader_has(wanted, current().asked):
            raise CacheAway("the server that was asked leads no more")
        found = await self._routed.find_url(link_id, wanted)
        if self._routed.leader.superseded(wanted):
            raise CacheAway("the server that was asked led no more: a change elsewhere may be newer than what was read")
        return found
