"""Fills the cache with what the leader says, which needs to be asked nothing else then."""

from checks.broken.spoil import run
from shortener.lab5_failover.replica_store import ReplicaStore
from shortener.lab5_failover.server_connection import Reading


async def _of_the_leader(store: ReplicaStore, link_id: str) -> Reading[str | None]:
    return await store._routed.urls.put(link_id)


ReplicaStore.find_newest_url = _of_the_leader  # type: ignore[assignment,method-assign]
run()
