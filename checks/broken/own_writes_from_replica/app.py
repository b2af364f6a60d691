"""The token of a write says in which timeline it was, and not how far the log had come: any replica is new enough."""

from psycopg.rows import TupleRow

from checks.broken.spoil import run
from shortener.lab2_postgres.connections import Parameters
from shortener.lab5_failover.position import Position
from shortener.lab5_failover.server_connection import ServerConnection

write = ServerConnection.write


async def write_somewhere(
    self: ServerConnection, query: str, parameters: Parameters, until: float
) -> tuple[list[TupleRow], Position]:
    rows, position = await write(self, query, parameters, until)
    return rows, position._replace(lsn=0)


ServerConnection.write = write_somewhere  # type: ignore[method-assign]
run()
