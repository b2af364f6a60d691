"""Which of several Postgres servers leads: all are asked side by side, so one that hangs holds up nobody. Lab 5.

libpq asks the hosts of a url one after the other. The first one's machine that is gone without a word costs each new
connection its whole timeout, for as long as the first one is away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import psycopg
from psycopg import conninfo

from shortener.lab5_failover.bounds import AGAIN, CONNECT, DOUBT, HEAD_START, LOOK, SEARCH
from shortener.lab5_failover.position import Position
from shortener.lab5_failover.server_connection import FAILURES, ServerConnection

Server = Mapping[str, Any]  # a connection's settings: one host, one port, who asks


def servers(url: str, variable: str) -> list[Server]:
    """Those that a url of libpq names. Raises ValueError with a sentence: without the url, in which is a password."""
    try:
        named: dict[str, Any] = conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        raise ValueError(f"{variable} is not an address of a database: postgresql://…") from None
    hosts = str(named.pop("host", "") or "localhost").split(",")
    ports = str(named.pop("port", "") or "5432").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    if len(ports) != len(hosts):
        raise ValueError(f"{variable} names {len(hosts)} hosts and {len(ports)} ports: give each host its own.")
    for ours in ("target_session_attrs", "connect_timeout", "load_balance_hosts"):
        named.pop(ours, None)
    return [{**named, "host": host, "port": port} for host, port in zip(hosts, ports, strict=True)]


class Leader:
    """One for all pools of a process: what one of them finds out, the others know.

    `epoch` grows whenever the leader is in doubt; a connection of an earlier one is used no more."""

    def __init__(self, url: str) -> None:
        self.epoch = 0
        self._servers = servers(url, "DATABASE_URL")
        self._known: Server | None = None
        self._doubted: Server | None = None  # it led before: the others are asked first
        self._search: asyncio.Task[None] | None = None
        self._found: ServerConnection | None = None  # by the search; for whoever comes first
        self._looks: set[asyncio.Task[ServerConnection | None]] = set()
        self._newest = Position(0, 0, 0)
        self._trusted_until = 0.0  # whatever a client says

    async def connect(self, end: float) -> ServerConnection:
        """A connection to the leader as soon as there is one. Raises TimeoutError at `end` on the loop's clock."""
        while True:
            if self._found is not None:
                connection, self._found = self._found, None
                if connection.epoch == self.epoch and not connection.closed:
                    return connection
                await connection.close()
            if self._known is not None and (known := await self._connect_to(self._known, end)):
                return known
            async with asyncio.timeout_at(end):
                await asyncio.shield(self._searching())

    def forget(self, epoch: int) -> None:
        """The leader of that epoch did not answer, or leads no more, or cannot know whether it does."""
        if epoch == self.epoch:
            self.epoch += 1
            self._known, self._doubted = None, self._known

    def doubt(self, epoch: int) -> None:
        """A client says that it has seen a later timeline than the leader of that epoch has: no server says so."""
        now = asyncio.get_running_loop().time()
        if epoch == self.epoch and now >= self._trusted_until:
            self._trusted_until = now + DOUBT
            self.forget(epoch)

    def is_at(self, server: Server) -> bool:
        """Whether that server led last, as far as is known."""
        known = self._known or {}
        return (known.get("host"), known.get("port")) == (server["host"], server["port"])

    def heard_of(self, position: Position) -> None:
        """A server stands there: who leads in an earlier timeline is superseded."""
        if position.cluster != self._newest.cluster or position.timeline > self._newest.timeline:
            self._newest = position

    def superseded(self, position: Position) -> bool:
        """Whether some server is on a later timeline than `position`."""
        return position.cluster == self._newest.cluster and position.timeline < self._newest.timeline

    async def close(self) -> None:
        if self._search:
            self._search.cancel()
            await asyncio.gather(self._search, *self._looks, return_exceptions=True)
        if self._found:
            await self._found.close()
        self._found = None

    async def _connect_to(self, server: Server, end: float) -> ServerConnection | None:
        """A connection to the server that led last; None when that fails, or a search is quicker."""
        loop, attempt = asyncio.get_running_loop(), _Search()
        look = asyncio.create_task(self._wait_for(server, attempt, once=True))
        self._looks.add(look)
        look.add_done_callback(self._looks.discard)
        try:
            await asyncio.wait({look}, timeout=min(HEAD_START, end - loop.time()))
            if not look.done():
                first = asyncio.FIRST_COMPLETED
                await asyncio.wait({look, self._searching()}, timeout=end - loop.time(), return_when=first)
            connection = look.result() if look.done() else None
            if connection is None and self._known is server:
                self._known = None
            return connection
        finally:
            attempt.end()

    def _leads(self, connection: ServerConnection) -> bool:
        self.heard_of(connection.position)
        if connection.replica or self.superseded(connection.position):
            return False
        connection.epoch = self.epoch
        return True

    def _searching(self) -> asyncio.Task[None]:
        """The search that is under way, or else a new one. Many wait for one."""
        if self._search is None or self._search.done():
            self._search = asyncio.create_task(self._find())
            self._search.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._search

    async def _find(self) -> None:
        search = _Search()
        looks = {asyncio.create_task(self._wait_for(server, search)): server for server in self._servers}
        self._looks |= looks.keys()
        try:
            done, _ = await asyncio.wait(looks, timeout=SEARCH, return_when=asyncio.FIRST_COMPLETED)
            for look in done:
                if connection := look.result():
                    before, self._known, self._found = self._found, looks[look], connection
                    self._doubted = None
                    if before:
                        await before.close()
                    return
            raise TimeoutError("no server leads")
        finally:
            search.end()
            for look in looks:
                look.add_done_callback(self._looks.discard)

    async def _wait_for(self, server: Server, search: "_Search", once: bool = False) -> ServerConnection | None:
        """A connection to that server, once it leads; None when the search ends before, or when it fails `once`."""
        loop = asyncio.get_running_loop()
        if server is self._doubted:
            await asyncio.sleep(AGAIN)
        while not search.ended:
            with contextlib.suppress(*FAILURES):
                connection = await ServerConnection.to(server, loop.time() + CONNECT)
                async with search.with_look_on(connection):
                    while not search.ended and not self._leads(connection) and not once:
                        await asyncio.sleep(LOOK)
                        with connection.bounded(loop.time() + CONNECT):
                            await connection.look()
                    if not search.ended and self._leads(connection):
                        search.found(connection)
                        return connection
            if once:
                break
            await asyncio.sleep(AGAIN)
        return None


class _Search:
    """Ends without a wait for those who still look: a query that is cancelled would ask the server about it."""

    def __init__(self) -> None:
        self.ended = False
        self._connections: set[ServerConnection] = set()  # of those who look

    @contextlib.asynccontextmanager
    async def with_look_on(self, connection: ServerConnection) -> AsyncIterator[None]:
        """Closed afterwards, unless it is what was found."""
        self._connections.add(connection)
        try:
            yield
        finally:
            if connection in self._connections:
                self._connections.remove(connection)
                await connection.close()

    def found(self, connection: ServerConnection) -> None:
        self._connections.remove(connection)
        self.end()

    def end(self) -> None:
        self.ended = True
        for connection in self._connections:
            connection.hang_up()
