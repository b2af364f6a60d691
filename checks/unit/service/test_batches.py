"""Those who wait share one call, and one failure."""

from __future__ import annotations

import asyncio

import pytest

from shortener.lab1_file.batches import Batches


class Work:
    """Doubles numbers, when it is let to; remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, numbers: list[int]) -> list[int]:
        self.batches.append(numbers)
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return [2 * number for number in numbers]


async def turns() -> None:
    """Lets every task that is ready run."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_those_who_come_meanwhile_are_in_one_batch() -> None:
    async def scenario() -> None:
        work = Work()
        batches = Batches(work)
        first = batches.put(1)
        await turns()
        others = [batches.put(number) for number in (2, 3, 4)]
        await turns()
        assert work.batches == [[1]]
        work.gate.set()
        assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
        assert work.batches == [[1], [2, 3, 4]]

    asyncio.run(scenario())


def test_a_failure_answers_all_and_the_next_one_starts_anew() -> None:
    async def scenario() -> None:
        work = Work()
        batches = Batches(work)
        first = batches.put(1)
        await turns()
        second = batches.put(2)
        work.failure = OSError("full")
        work.gate.set()
        assert [str(error) for error in await asyncio.gather(first, second, return_exceptions=True)] == ["full"] * 2
        work.failure = None
        assert await batches.put(3) == 6
        assert work.batches == [[1], [3]]

    asyncio.run(scenario())


def test_one_who_leaves_disturbs_no_one() -> None:
    async def scenario() -> None:
        work = Work()
        batches = Batches(work)
        first, second = batches.put(1), batches.put(2)
        await turns()
        first.cancel()
        work.gate.set()
        assert await second == 4
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(scenario())
