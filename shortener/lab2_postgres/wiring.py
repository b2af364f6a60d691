"""Lab 2's service put together from its environment: lab 1's, around another store."""

from collections.abc import Mapping

from starlette.applications import Starlette

from shortener.lab1_file.app import create_app
from shortener.lab2_postgres.connections import Connections
from shortener.lab2_postgres.postgres_store import PostgresStore
from shortener.lab2_postgres.search import add_search


def wire(environment: Mapping[str, str]) -> Starlette:
    """Raises KeyError for a missing variable. The database may be down: the service starts, and /readyz tells."""
    store, base_url = PostgresStore(Connections(environment["DATABASE_URL"])), environment["BASE_URL"]
    service, api = create_app(store, base_url)
    add_search(api, store, base_url)
    return service
