"""`python -m shortener.lab2_postgres.migrate [REVISION]`: a step of its own, before the service starts. Lab 2.

It leads to that revision, forwards or back; to the newest by default. Of two at once, one finds nothing left to do."""

import os
import sys
import time
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

LOCK = text("SELECT pg_try_advisory_lock(7263001)")  # a number of our own, held until the connection ends


def migrate(url: str, revision: str = "head") -> None:
    """Raises TimeoutError when another migration does not end, and what Alembic, SQLAlchemy and psycopg raise."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url, connect_timeout=5), poolclass=NullPool
    )
    with engine.connect() as connection:
        take_turns(connection)
        config.attributes["connection"] = connection
        present = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        (command.downgrade if present and revision < present else command.upgrade)(config, revision)


def take_turns(connection: Connection, patience: float = 60.0) -> None:
    """It asks again rather than wait in the database: building an index there waits for all who wait there."""
    end = time.monotonic() + patience
    while not connection.scalar(LOCK):
        connection.rollback()
        if time.monotonic() > end:
            raise TimeoutError("another migration does not end")
        time.sleep(0.05)
    connection.rollback()


if __name__ == "__main__":
    try:
        migrate(os.environ["DATABASE_URL"], *sys.argv[1:2])
    except KeyError:
        sys.exit("DATABASE_URL is not set: set it to the database that shall be migrated.")
    except (SQLAlchemyError, psycopg.Error, CommandError, TimeoutError) as error:
        sys.exit(f"The database could not be migrated: {str(error).strip().splitlines()[0]}")
