"""Lab 3's service put together from its environment: lab 2's store behind a cache, and routes that tell of changes."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from shortener.lab1_file.app import App, create_app
from shortener.lab2_postgres.connections import Connections
from shortener.lab2_postgres.postgres_store import PostgresStore
from shortener.lab2_postgres.search import add_search
from shortener.lab3_cache_and_events.cache import Cache, CacheCalls
from shortener.lab3_cache_and_events.cached_store import CachedStore
from shortener.lab3_cache_and_events.change_links import add_change, add_shorten, add_show
from shortener.lab3_cache_and_events.click_events import ClickEvents
from shortener.lab3_cache_and_events.counted_redirects import CountedRedirects
from shortener.lab3_cache_and_events.idempotency import IdempotentLinks
from shortener.lab3_cache_and_events.link_events import LinkEvents
from shortener.lab3_cache_and_events.top_links import add_top


def wire(environment: Mapping[str, str]) -> ASGIApp:
    """Raises KeyError for a missing variable, ValueError for a REDIS_URL that is none. All servers may be down."""
    connections, base_url = Connections(environment["DATABASE_URL"]), environment["BASE_URL"]
    cache, metrics = Cache(environment["REDIS_URL"]), CollectorRegistry()
    app = create(connections, connections, cache, metrics, base_url)
    return counted(app, environment, metrics)


def create(
    reads: Connections, writes: Connections, cache: CacheCalls, metrics: CollectorRegistry, base_url: str
) -> App:
    """All routes of lab 3. Those that only read a link wait for none that writes, where `reads` and `writes` differ."""
    postgres, links = PostgresStore(reads), LinkEvents(writes)
    cached = CachedStore(postgres, cache, metrics)
    app = create_app(cached, metrics)
    add_shorten(app.api, links, IdempotentLinks(writes), base_url)
    add_show(app.api, LinkEvents(reads), base_url)
    add_change(app.api, links, cached, base_url)
    add_search(app.api, postgres, base_url)
    add_top(app.api, cache, postgres)
    return app


def counted(app: App, environment: Mapping[str, str], metrics: CollectorRegistry) -> ASGIApp:
    """`app` as it is served: each redirect is told to Kafka."""
    return CountedRedirects(app.service, ClickEvents(environment["KAFKA_BOOTSTRAP_SERVERS"], metrics))
