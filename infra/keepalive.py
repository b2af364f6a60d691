"""A plain HTTP/1.1 client for preparing and auditing: a few kept-alive connections, no proxy, no redirect followed, no
retry that the caller does not see."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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


class Connection:
    """One kept-alive connection. A call that fails closes it, so that the next call starts on a fresh one."""

    def __init__(self, address: tuple[str, int], timeout: float = 6.0) -> None:
        self._http = http.client.HTTPConnection(address[0], address[1], timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Send one request and read the whole answer. Raises OSError when none came (http.client's errors too)."""
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            self._http.request(method, path, body=body, headers=headers)
            response = self._http.getresponse()
            return Answer(response.status, response.getheader("Location"), response.read())
        except http.client.HTTPException as error:
            self._http.close()
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        except OSError:
            self._http.close()
            raise


def in_parallel(
    address: tuple[str, int],
    items: Iterable[Item],
    task: Callable[[Connection, Item], Result],
    *,
    connections: int = 8,
) -> list[Result]:
    """`task` of every item, in order, over so many connections at once. The first error ends the work and is raised."""
    mine = threading.local()
    stop = threading.Event()
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(connections, thread_name_prefix="http") as pool:

        def work(item: Item) -> Result:
            if stop.is_set():
                raise ConnectionAbortedError("stopped")
            if not hasattr(mine, "connection"):
                mine.connection = stack.enter_context(Connection(address))
            try:
                return task(mine.connection, item)
            except BaseException:
                stop.set()
                raise

        futures = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
