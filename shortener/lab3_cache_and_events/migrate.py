"""`python -m shortener.lab3_cache_and_events.migrate [REVISION]`: lab 2's tables, then those of lab 3."""

from pathlib import Path

from shortener.lab2_postgres import migrate as lab2

VERSIONS = (lab2.VERSIONS, Path(__file__).parent / "migrations")

if __name__ == "__main__":
    lab2.main(VERSIONS)
