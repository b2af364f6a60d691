"""Keeps the connections that it opened first, dead or alive."""

from checks.broken.spoil import run
from shortener.lab2_postgres.connections import Connection, Connections

connect = Connections._connect
opened: list[Connection] = []


async def connect_once(self: Connections) -> Connection:
    if not opened:
        opened.append(await connect(self))
    return opened[0]


Connections._connect = connect_once  # type: ignore[method-assign]
Connections.__init__.__defaults__ = (1,)
run()
