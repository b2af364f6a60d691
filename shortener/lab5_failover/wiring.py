"""Lab 5's service put together from its environment: lab 4's, which finds the leader, and reads from replicas."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter
from starlette.types import ASGIApp

from shortener.lab1_file.app import App, create_app
from shortener.lab2_postgres.search import add_search
from shortener.lab3_cache_and_events.cache import CacheCalls
from shortener.lab3_cache_and_events.change_links import add_change, add_shorten, add_show
from shortener.lab3_cache_and_events.idempotency import IdempotentLinks
from shortener.lab3_cache_and_events.link_events import LinkEvents
from shortener.lab3_cache_and_events.top_links import add_top
from shortener.lab4_many_copies.bounds import BOUNDS
from shortener.lab4_many_copies.resilient_cache import ResilientCache
from shortener.lab4_many_copies.wiring import copy_of
from shortener.lab5_failover.leader import Leader, servers
from shortener.lab5_failover.leader_connections import LeaderConnections, LeaderWrites
from shortener.lab5_failover.replica_cache import ReplicaCache
from shortener.lab5_failover.replica_reads import ReplicaReads
from shortener.lab5_failover.replica_store import ReplicaStore
from shortener.lab5_failover.session import Sessions


def wire(environment: Mapping[str, str]) -> ASGIApp:
    """Raises KeyError for a missing variable, ValueError with a sentence for a bad one. All servers may be down."""
    leader, replica_url = Leader(environment["DATABASE_URL"]), environment.get("DATABASE_REPLICA_URL")
    replicas = servers(replica_url, "DATABASE_REPLICA_URL") if replica_url else []
    metrics = CollectorRegistry()
    shed = Counter("requests_shed", "Requests refused at once: they would have waited too long.", registry=metrics)
    reads = ReplicaReads(leader, BOUNDS.read_connections, replicas, metrics)
    writes = LeaderWrites(leader, BOUNDS.write_connections, BOUNDS.queue_seconds, shed)
    cache = ResilientCache(environment["REDIS_URL"], metrics, BOUNDS)
    app = create(reads, writes, cache, metrics, environment["BASE_URL"])
    return Sessions(copy_of(app, cache, shed, metrics, environment))


def create(
    reads: ReplicaReads, writes: LeaderConnections, cache: CacheCalls, metrics: CollectorRegistry, base_url: str
) -> App:
    """All routes of lab 3, over another store and another cache."""
    store, links = ReplicaStore(reads), LinkEvents(writes)
    cached = ReplicaCache(store, cache, metrics)
    app = create_app(cached, metrics)
    add_shorten(app.api, links, IdempotentLinks(writes), base_url)
    add_show(app.api, LinkEvents(reads), base_url)
    add_change(app.api, links, cached, base_url)
    add_search(app.api, store, base_url)
    add_top(app.api, cache, store)
    return app
