"""How many answers a second one copy gives, when each connection sends its next request as soon as it may. Lab 4.

A bare protocol, so that little of the machine goes into making the load."""

from __future__ import annotations

import asyncio
import functools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.errors import LabError
from labs.lab4_many_copies import interruptible

PATIENCE = 6.0  # seconds for one answer
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answers:
    a_second: float
    bodies: list[bytes]
    size: int  # bytes of the last whole answer, its head too


def answers(
    address: tuple[str, int], request: Callable[[], bytes], status: int, seconds: float, connections: int
) -> Answers:
    """For so many seconds. Raises LabError when an answer has another status, or none comes."""
    return interruptible.run(_answers(address, request, status, seconds, connections))


async def _answers(
    address: tuple[str, int], request: Callable[[], bytes], status: int, seconds: float, connections: int
) -> Answers:
    loop = asyncio.get_running_loop()
    whole: list[tuple[int, bytes]] = []
    ended = [loop.create_future() for _ in range(connections)]
    began = time.perf_counter()
    until = began + seconds
    transports = []
    try:
        for future in ended:
            asker = functools.partial(_Asker, request, status, until, whole, future)
            transports.append((await loop.create_connection(asker, *address))[0])
        async with asyncio.timeout(seconds + PATIENCE):
            await asyncio.gather(*ended)
    except (OSError, TimeoutError) as error:
        why = str(error) or f"no answer for {PATIENCE:g} s"
        raise LabError(f"The service stopped answering while it was measured ({why}). See `lab status`.") from error
    finally:
        for future in ended:
            future.cancel()
        for transport in transports:
            transport.abort()
    took = time.perf_counter() - began
    return Answers(len(whole) / took, [body for _, body in whole], whole[-1][0])


class _Asker(asyncio.Protocol):
    """One connection: a request, its whole answer, the next request."""

    def __init__(
        self,
        request: Callable[[], bytes],
        status: int,
        until: float,
        whole: list[tuple[int, bytes]],
        ended: asyncio.Future[None],
    ) -> None:
        self._request, self._status, self._until = request, status, until
        self._whole, self._ended = whole, ended
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._transport.write(self._request())

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = _LENGTH.search(head)
        if len(body) < (int(length[1]) if length else 0):
            return
        status = _STATUS.match(head)
        if status is None or int(status[1]) != self._status:
            self._fail(LabError(f"A measured request was answered {_first_line(head)}, not {self._status}."))
            return
        self._whole.append((len(self._received), body))
        self._received = b""
        if time.perf_counter() < self._until:
            self._transport.write(self._request())
        elif not self._ended.done():
            self._ended.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionError("the connection was closed"))

    def _fail(self, error: Exception) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)


def _first_line(head: bytes) -> str:
    return head.split(b"\r\n", 1)[0].decode(errors="replace")
