"""`python -m shortener.lab2_postgres.migrate [REVISION]`: bring the schema to that revision, the newest by default. Lab 2.

A step of its own before the service starts. Two at once are fine: the second waits, and finds nothing left to do."""

import os
import sys
import time
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

LOCK = 7_263_001  # any number that no one else takes an advisory lock with
PATIENCE = 60.0  # seconds for another migration to end


def migrate(url: str, revision: str = "head") -> str | None:
    """The revision reached. An older revision than the present one is gone back to."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url, connect_timeout=5))
    with engine.connect() as connection:
        wait_for_lock(connection)
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        present = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        (command.downgrade if present and revision < present else command.upgrade)(config, revision)
        return MigrationContext.configure(connection).get_current_revision()


def wait_for_lock(connection: Connection) -> None:
    """Held until the connection ends. It is tried, not waited for: CREATE INDEX CONCURRENTLY waits for all who wait."""
    end = time.monotonic() + PATIENCE
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}):
        connection.rollback()
        if time.monotonic() > end:
            raise TimeoutError("another migration is under way and does not end")
        time.sleep(0.1)
    connection.rollback()


def main() -> None:
    try:
        print("schema at revision", migrate(os.environ["DATABASE_URL"], *sys.argv[1:2]))
    except KeyError:
        sys.exit("DATABASE_URL is missing: set it to the database that shall be migrated.")
    except (SQLAlchemyError, psycopg.Error, CommandError, TimeoutError) as error:
        sys.exit(f"The database could not be migrated: {str(error).strip().splitlines()[0]}")


if __name__ == "__main__":
    main()
