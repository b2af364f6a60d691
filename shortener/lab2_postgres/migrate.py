"""`python -m shortener.lab2_postgres.migrate [REVISION]`: a step of its own, before the service starts. Lab 2.

It leads to that revision, forwards or back; to the newest by default. Of two at once, one finds nothing left to do.
A database that a later lab has migrated stays as it is: what this lab needs is there."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

HERE = Path(__file__).parent / "migrations"
VERSIONS = HERE / "versions"
FOREIGN = "Another service has made its tables here. Begin with an empty database; in the lab: `lab down --volumes`."
LOCK = text("SELECT pg_try_advisory_lock(7263001)")  # a number of our own, held until the connection ends


def migrate(url: str, revision: str = "head", versions: Sequence[Path] = (VERSIONS,)) -> None:
    """`versions` are the folders of the migrations, one a lab.

    Raises TimeoutError when another migration does not end, and what Alembic, SQLAlchemy and psycopg raise."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, versions)))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url, connect_timeout=5), poolclass=NullPool
    )
    with engine.connect() as connection:
        take_turns(connection)
        config.attributes["connection"] = connection
        present = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        if present and present not in known:
            return
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


def main(versions: Sequence[Path] = (VERSIONS,)) -> None:
    try:
        migrate(os.environ["DATABASE_URL"], sys.argv[1] if sys.argv[1:] else "head", versions)
    except KeyError:
        sys.exit("DATABASE_URL is not set: set it to the database that shall be migrated.")
    except (SQLAlchemyError, psycopg.Error, CommandError, TimeoutError) as error:
        if isinstance(getattr(error, "orig", error), psycopg.errors.DuplicateTable):
            sys.exit(FOREIGN)
        sys.exit(f"The database could not be migrated: {str(error).strip().splitlines()[0]}")


if __name__ == "__main__":
    main()
