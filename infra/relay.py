"""One process that carries every link of a local stage, so that it can be cut or slowed: `python -m infra.relay FILE`.

FILE holds the links and their condition; a connection to its control port makes the relay read it again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

_HIGH_WATER = 1 << 20  # bytes that one direction of a slowed link holds before its sender must wait


@dataclass
class Condition:
    """How a link behaves: `cut` stalls it both ways, `delay` (seconds) is added to each direction."""

    cut: bool = False
    delay: float = 0.0
    pipes: set[Pipe] = field(default_factory=set)

    def change(self, *, cut: bool, delay: float) -> None:
        self.cut, self.delay = cut, delay
        for pipe in list(self.pipes):
            pipe.reconsider()


class Pipe(asyncio.Protocol):
    """One direction of one connection: what arrives here goes out at `peer`."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self.peer: Pipe | None = None
        self.transport: asyncio.Transport | None = None
        self.waiting: deque[tuple[float, bytes | None]] = deque()  # when due, and the bytes; None: the sender is done
        self.held = 0
        self.timer: asyncio.TimerHandle | None = None
        self.peer_full = False
        self.reading = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass
        self.condition.pipes.add(self)
        # Not at once: uvloop starts to read after this call and would undo a pause made in it.
        asyncio.get_running_loop().call_soon(self.reconsider)

    def connection_lost(self, exc: Exception | None) -> None:
        self.condition.pipes.discard(self)
        if exc is not None:
            self.hang_up()
        else:
            self.take(None)

    def data_received(self, data: bytes) -> None:
        self.take(data)

    def eof_received(self) -> bool:
        self.take(None)
        return True  # keep our own sending half open until the other side is done too

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.peer_full = True
            self.peer.flow()

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.peer_full = False
            self.peer.flow()

    def take(self, data: bytes | None) -> None:
        """Pass on what arrived, at once or when it is due."""
        if self.open and not self.waiting and not self.condition.delay:
            self.give(data)
            return
        self.waiting.append((asyncio.get_running_loop().time() + self.condition.delay, data))
        self.held += len(data or b"")
        self.flow()
        self.pump()

    @property
    def open(self) -> bool:
        """Whether anything may pass now."""
        return self.peer is not None and not self.condition.cut

    def give(self, data: bytes | None) -> None:
        out = self.peer.transport if self.peer is not None else None
        if out is None or out.is_closing():
            return
        if data is not None:
            out.write(data)
        elif self.transport is None or self.transport.is_closing():
            out.close()
        elif out.can_write_eof():
            out.write_eof()

    def pump(self) -> None:
        """Send what is due, in order; a healed link owes everything at once, a cut one nothing yet."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        loop = asyncio.get_running_loop()
        while self.waiting and self.open:
            due, data = self.waiting[0]
            wait = due - loop.time() if self.condition.delay else 0.0
            if wait > 0:
                self.timer = loop.call_later(wait, self.pump)
                break
            self.waiting.popleft()
            self.held -= len(data or b"")
            self.give(data)
        self.flow()

    def flow(self) -> None:
        """Read on, unless the link is cut, the other side is not there yet or cannot take more."""
        if self.transport is None or self.transport.is_closing():
            return
        wanted = self.open and not self.peer_full and self.held < _HIGH_WATER
        if wanted == self.reading:
            return
        self.reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def reconsider(self) -> None:
        self.pump()

    def hang_up(self) -> None:
        """Reset the other side, as a dead server's kernel does."""
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.abort()


class Entrance(Pipe):
    """The client's side of a connection: it finds the server once the link lets anything through."""

    def __init__(self, condition: Condition, target: int) -> None:
        super().__init__(condition)
        self.target = target
        self.asked: asyncio.Task[None] | None = None

    def reconsider(self) -> None:
        if self.asked is None and not self.condition.cut:
            self.asked = asyncio.get_running_loop().create_task(self.connect())
        super().reconsider()

    async def connect(self) -> None:
        server = Pipe(self.condition)
        try:
            await asyncio.get_running_loop().create_connection(lambda: server, "127.0.0.1", self.target)
        except OSError:
            if self.transport is not None:
                self.transport.abort()
            return
        self.peer, server.peer = server, self
        if self.transport is None or self.transport.is_closing():
            server.hang_up()
            if server.transport is not None:
                server.transport.abort()
            return
        server.pump()
        self.pump()


async def serve(path: Path) -> None:
    """Carry the links that the file names until the process is ended."""
    loop = asyncio.get_running_loop()
    conditions: dict[int, Condition] = {}

    async def read_again() -> None:
        for link in json.loads(path.read_text())["links"]:
            listen, target = int(link["listen"]), int(link["goal"])
            if listen not in conditions:
                condition = conditions[listen] = Condition()

                def entrance(condition: Condition = condition, target: int = target) -> Entrance:
                    return Entrance(condition, target)

                await loop.create_server(entrance, "127.0.0.1", listen, backlog=512)
            conditions[listen].change(cut=bool(link["cut"]), delay=float(link["delay"]))

    async def control(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_again()
        writer.write(b"done\n")
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    await read_again()
    # The control port opens last: whoever reaches it knows that every link listens.
    server = await asyncio.start_server(control, "127.0.0.1", int(json.loads(path.read_text())["control"]))
    await server.serve_forever()


def main() -> None:
    path = Path(sys.argv[1])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # clients of a cut link pile up here
    try:
        import uvloop
    except ImportError:  # it has no wheel for every machine; asyncio's own loop only costs more processor time
        asyncio.run(serve(path))
    else:
        uvloop.run(serve(path))


if __name__ == "__main__":
    main()
