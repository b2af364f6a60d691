"""Lab 1's service put together from its environment."""

from collections.abc import Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from shortener.lab1_file.app import add_shorten, create_app
from shortener.lab1_file.file_store import FileStore


def wire(environment: Mapping[str, str]) -> Starlette:
    """Raises KeyError for a missing variable, ValueError or OSError for a file that is none of ours."""
    store = FileStore(Path(environment["LINKS_FILE"]))
    app = create_app(store, CollectorRegistry())
    add_shorten(app.api, store, environment["BASE_URL"])
    return app.service
