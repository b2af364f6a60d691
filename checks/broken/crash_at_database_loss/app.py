"""Ends when its database is gone."""

import os
from typing import Any

from checks.broken.spoil import run
from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres.connections import Connections

fetch = Connections.fetch


async def fetch_or_die(self: Connections, *query: Any) -> Any:
    try:
        return await fetch(self, *query)
    except Unavailable:
        os._exit(1)


Connections.fetch = fetch_or_die  # type: ignore[method-assign,assignment]
run()
