"""Uses its connections in turn, and puts each back into the pool, dead or alive."""

import contextlib
from collections.abc import AsyncIterator

from checks.broken.spoil import run
from shortener.lab5_failover.server_connection import ServerConnection
from shortener.lab5_failover.server_connections import ServerConnections


@contextlib.asynccontextmanager
async def lend(self: ServerConnections, end: float) -> AsyncIterator[ServerConnection]:
    idle = self._idle.pop(0) if self._idle else None
    connection = idle if isinstance(idle, ServerConnection) else await self._connect(end)
    try:
        with connection.bounded(end):
            yield connection
    finally:
        self._idle.append(connection)
        if connection.closed:
            self._lost(connection)


ServerConnections._lent = lend  # type: ignore[method-assign]
run()
