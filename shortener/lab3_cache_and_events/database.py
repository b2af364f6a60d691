"""A connection to Postgres for a process that has one thing to do at a time. Lab 3."""

from typing import Any

import psycopg
from psycopg import conninfo
from psycopg.rows import TupleRow

# Postgres ends the transaction of one that was paused in the middle of it, so that another need not wait for its locks;
# and a server that is silently out of reach is noticed within 10 s.
SETTINGS: dict[str, Any] = {
    "options": "-c idle_in_transaction_session_timeout=2000 -c timezone=UTC",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "tcp_user_timeout": 10_000,
}


class Database:
    """Connects when it must, and again after the connection has ended."""

    def __init__(self, url: str, name: str) -> None:
        """`name` is what Postgres shows in pg_stat_activity. Raises ValueError for a url that is none."""
        try:
            conninfo.conninfo_to_dict(url)
        except psycopg.Error:
            raise ValueError("DATABASE_URL is not an address of a database: postgresql://…") from None  # no password
        self._url, self._name = url, name
        self._connection: psycopg.Connection[TupleRow] | None = None

    def connection(self) -> psycopg.Connection[TupleRow]:
        """In autocommit mode. Raises psycopg.Error when the server is out of reach."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, application_name=self._name, **SETTINGS)
        return self._connection
