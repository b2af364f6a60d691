"""A plain HTTP/1.1 client for preparing and auditing: a few kept-alive connections, no proxy, no redirect followed, no
retry that the caller does not see."""

from __future__ import annotations

import contextlib
import http.client
import queue
import socket
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Answer:
    status: int
    location: str | None
    body: bytes


class Stopped(Exception):  # noqa: N818 - not an error of the connection: nobody wants the answer any more
    """The work that this connection was for has been given up."""


class Connection:
    """One kept-alive connection. A call that fails closes it, so that the next call starts on a fresh one."""

    def __init__(self, address: tuple[str, int], timeout: float = 6.0) -> None:
        self._http = http.client.HTTPConnection(address[0], address[1], timeout=timeout)
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and read the whole answer. Raises OSError when none came (http.client's errors too), and
        Stopped once `stop` was called."""
        if self._stopped:
            raise Stopped
        try:
            kind = {"Content-Type": "application/json"} if body is not None else {}
            self._http.request(method, path, body=body, headers={**kind, **(headers or {})})
            response = self._http.getresponse()
            return Answer(response.status, response.getheader("Location"), response.read())
        except http.client.HTTPException as error:
            self._http.close()
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        except OSError:
            self._http.close()
            raise

    def stop(self) -> None:
        """From another thread: wake up who waits on this connection, and let nobody use it any more."""
        self._stopped = True
        with contextlib.suppress(OSError, AttributeError):  # it may not be open, or be closed at this very moment
            self._http.sock.shutdown(socket.SHUT_RDWR)


def in_parallel(
    address: tuple[str, int],
    items: Iterable[Item],
    task: Callable[[Connection, Item], Result],
    *,
    connections: int = 8,
) -> list[Result]:
    """`task` of every item, in order, over so many connections at once. The first error ends the work and is raised."""
    free: queue.SimpleQueue[Connection] = queue.SimpleQueue()
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(connections, thread_name_prefix="http") as pool:
        opened = [stack.enter_context(Connection(address)) for _ in range(connections)]
        for connection in opened:
            free.put(connection)

        def work(item: Item) -> Result:
            connection = free.get()
            try:
                return task(connection, item)
            finally:
                free.put(connection)

        futures = [pool.submit(work, item) for item in items]
        try:
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()  # raises the first error, while others may still be at work
            return [future.result() for future in futures]
        except BaseException:
            _give_up(pool, opened)
            raise


def _give_up(pool: ThreadPoolExecutor, connections: Iterable[Connection]) -> None:
    """Wake up whoever waits for an answer, and forget what has not begun."""
    for connection in connections:
        connection.stop()
    pool.shutdown(cancel_futures=True)
