"""One call for all who wait: a file rewritten once for many POSTs; from lab 2 on, one query for many GETs. Lab 1."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batches(Generic[Item, Result]):
    """Calls `work` for one batch at a time; those who come while it runs are in the next batch together.

    `work` returns a result for each item, in order. When it raises, that answers those who wait behind it too: they
    would only meet the same failure later."""

    def __init__(self, work: Callable[[list[Item]], Awaitable[Sequence[Result]]]) -> None:
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._worker: asyncio.Task[None] | None = None

    def put(self, item: Item) -> asyncio.Future[Result]:
        """The future result for `item`. Whoever stops waiting for it stops no one else's work."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._worker = self._worker or asyncio.create_task(self._run())
        return future

    async def _run(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # the requests that have just arrived join in
            batch, self._waiting = self._waiting, []
            try:
                results = await self._work([item for item, _ in batch])
            except Exception as error:
                for _, future in batch + self._waiting:
                    if not future.done():
                        future.set_exception(error)
                self._waiting = []
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():
                        future.set_result(result)
        self._worker = None
