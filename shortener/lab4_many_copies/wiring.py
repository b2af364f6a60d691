"""Lab 4's service put together from its environment: lab 3's, in a form of which many copies can stand side by side."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter
from starlette.routing import Route
from starlette.types import ASGIApp

from shortener.lab1_file.app import App
from shortener.lab2_postgres.connections import Connections
from shortener.lab3_cache_and_events.wiring import counted, create
from shortener.lab4_many_copies.bounds import BOUNDS
from shortener.lab4_many_copies.rate_limit import Limit, RateLimit
from shortener.lab4_many_copies.resilient_cache import ResilientCache
from shortener.lab4_many_copies.served_by import ServedBy
from shortener.lab4_many_copies.shedding import SheddingConnections
from shortener.lab4_many_copies.token_buckets import TokenBuckets


def wire(environment: Mapping[str, str]) -> ASGIApp:
    """Raises KeyError for a missing variable, ValueError with a sentence for a bad one. All servers may be down."""
    database_url, base_url = environment["DATABASE_URL"], environment["BASE_URL"]
    metrics = CollectorRegistry()
    shed = Counter("requests_shed", "Requests refused at once: they would have waited too long.", registry=metrics)
    reads = Connections(database_url, BOUNDS.read_connections)
    writes = SheddingConnections(database_url, BOUNDS.write_connections, BOUNDS.queue_seconds, shed)
    cache = ResilientCache(environment["REDIS_URL"], metrics, BOUNDS)
    app = create(reads, writes, cache, metrics, base_url)
    return copy_of(app, cache, shed, metrics, environment)


def copy_of(
    app: App, cache: ResilientCache, shed: Counter, metrics: CollectorRegistry, environment: Mapping[str, str]
) -> ASGIApp:
    """`app` as one of many copies: its rate limit is one for all of them, and each answer names the copy."""
    limit = Limit.of(environment)
    buckets = TokenBuckets(cache, limit.rate, limit.burst, BOUNDS.limit_calls)
    limited = RateLimit(app.api, limit, buckets, shed, metrics)
    # Before the API and behind the redirect, whose requests therefore never come here.
    app.service.router.routes.insert(1, Route("/links", limited, methods=["POST"]))
    return ServedBy(counted(app, environment, metrics), environment)
