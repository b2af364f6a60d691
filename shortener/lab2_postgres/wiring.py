"""Lab 2's service put together from its environment: lab 1's, around another store."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from shortener.lab1_file.app import add_shorten, create_app
from shortener.lab2_postgres.connections import Connections
from shortener.lab2_postgres.postgres_store import PostgresStore
from shortener.lab2_postgres.search import add_search, add_show


def wire(environment: Mapping[str, str]) -> Starlette:
    """Raises KeyError for a missing variable. The database may be down: the service starts, and /readyz tells."""
    store, base_url = PostgresStore(Connections(environment["DATABASE_URL"])), environment["BASE_URL"]
    app = create_app(store, CollectorRegistry())
    add_shorten(app.api, store, base_url)
    add_show(app.api, store, base_url)
    add_search(app.api, store, base_url)
    return app.service
