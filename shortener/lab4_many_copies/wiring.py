"""Lab 4's service put together from its environment: lab 3's, in a form of which many copies can stand side by side."""

from collections.abc import Mapping

from starlette.types import ASGIApp

from shortener.lab3_cache_and_events import wiring as lab3


def wire(environment: Mapping[str, str]) -> ASGIApp:
    """Raises what lab 3's does."""
    return lab3.wire(environment)
