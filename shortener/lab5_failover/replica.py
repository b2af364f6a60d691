"""One server that may answer reads: while it is a replica, answers, and has caught up. Lab 5."""

import asyncio

from psycopg.rows import TupleRow

from shortener.lab1_file.links import Unavailable
from shortener.lab2_postgres.connections import Parameters
from shortener.lab4_many_copies.breaker import Breaker
from shortener.lab5_failover.bounds import LAGS, REPLICA, REPLICA_CONNECTIONS, REST
from shortener.lab5_failover.leader import Server
from shortener.lab5_failover.position import Position, replica_has
from shortener.lab5_failover.server_connection import Reading, ServerConnection
from shortener.lab5_failover.server_connections import ServerConnections


class Replica(ServerConnections):
    seconds = REPLICA

    def __init__(self, server: Server) -> None:
        super().__init__("", REPLICA_CONNECTIONS)
        self.server = server
        self._breaker = Breaker(1, 1, REST, lambda _: None)
        self._at: Position | None = None  # when it last answered
        self._lags_until = 0.0

    def may_answer(self, wanted: Position | None) -> bool:
        """Whether to ask it, as far as can be told: it may have caught up meanwhile."""
        return not self.is_behind(wanted) and self._breaker.allows()

    def is_behind(self, wanted: Position | None) -> bool:
        """Whether somebody has just waited for it in vain, and it was not as far then."""
        lags = asyncio.get_running_loop().time() < self._lags_until
        return lags and self._at is not None and not replica_has(self._at, wanted)

    def lags(self) -> None:
        """Somebody waited for it long enough."""
        self._lags_until = asyncio.get_running_loop().time() + LAGS

    async def read(self, query: str, parameters: Parameters = ()) -> Reading[list[TupleRow]]:
        """Raises Unavailable within half a second, also when it is no replica any more."""
        try:
            reading = await super().read(query, parameters)
        except Unavailable:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        self._at = reading.has
        return reading

    async def _connect(self, end: float) -> ServerConnection:
        return await ServerConnection.to(self.server, end)

    def _check(self, connection: ServerConnection) -> None:
        if not connection.replica:
            raise Unavailable("it leads by now")
