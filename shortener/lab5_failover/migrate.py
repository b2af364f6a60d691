"""`python -m shortener.lab5_failover.migrate [REVISION]`: the tables of the labs before, then those of lab 5."""

from pathlib import Path

from shortener.lab2_postgres import migrate as lab2
from shortener.lab3_cache_and_events import migrate as lab3

VERSIONS = (*lab3.VERSIONS, Path(__file__).parent / "migrations")

if __name__ == "__main__":
    lab2.main(VERSIONS)
