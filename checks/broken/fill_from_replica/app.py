"""Fills the cache with what any replica says, however far it lags."""

from checks.broken.spoil import run
from shortener.lab5_failover.replica_store import ReplicaStore

ReplicaStore.find_newest_url = ReplicaStore.find_url_at  # type: ignore[method-assign]
run()
