"""How fast `lab seed` adds links to a table that has its index, up to the analysed end."""

from __future__ import annotations

import time

from bench.figure import Figure
from bench.servers import database, postgres
from shortener.lab2_postgres.seed import seed

LINKS = 1_000_000
LEAST = 150_000  # links a second


def run() -> list[Figure]:
    with postgres() as server:
        url = database(server, "seeded", 0)
        start = time.monotonic()
        for _ in seed(url, LINKS):
            pass
        rate = LINKS / (time.monotonic() - start)
    return [Figure("lab seed, 1,000,000 links", rate, "links/s", f"at least {LEAST:,} links/s", rate >= LEAST)]
