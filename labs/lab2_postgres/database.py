"""Where the standing stage's Postgres is, for the tools that look into it themselves."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import make_conninfo

from infra.errors import LabError
from infra.runtime.protocol import Runtime


def database_url(runtime: Runtime) -> str:
    """libpq's connection string for the stage's own database. Raises LabError when the stage has none."""
    names = {name for box in runtime.stage.boxes for name in (box.name, *box.aliases)}
    if "postgres" not in names:
        raise LabError("This needs the one Postgres of labs 2 to 4. Bring it up: `make lab-2`.")
    host, port = runtime.address("postgres")
    environment = runtime.stage.box("postgres").environment
    return make_conninfo(
        host=host,
        port=port,
        user=environment["POSTGRES_USER"],
        password=environment["POSTGRES_PASSWORD"],
        dbname=environment["POSTGRES_DB"],
        connect_timeout=5,
    )


def connect(url: str, name: str) -> psycopg.Connection:
    """An autocommit connection that calls itself `name` in pg_stat_activity. Raises LabError when nobody answers."""
    try:
        return psycopg.connect(url, autocommit=True, application_name=name)
    except psycopg.OperationalError as error:
        raise LabError(
            f"Postgres does not let us in: {error}. Look at `lab status` and `lab logs postgres`."
        ) from error
