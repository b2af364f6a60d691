"""Each twin runs for real, and its check rejects it with the message that a learner needs.

Two run at a time: most of a check is waiting."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from checks.twins.ground import Done, Ground, shares
from checks.twins.twin import twins

AT_ONCE = 2
PAIRS = [(twin, name) for twin in twins() for name in twin.rejected_by]
PAIRS.sort(key=lambda pair: (pair[0].lab, not shares(*pair)))  # those of one stage together
CASES = {f"{twin.name}-{name}": (twin, name) for twin, name in PAIRS}


@pytest.fixture(scope="session")
def rejection(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Done]]:
    """What became of a case; those that this session asks for are begun in its order, ahead of their tests."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    wanted = [item.callspec.id for item in items if item.function is test_the_check_rejects_the_twin]
    grounds = [Ground(f"twin-{os.getpid()}-{number}") for number in range(AT_ONCE)]
    free: SimpleQueue[Ground] = SimpleQueue()
    for ground in grounds:
        free.put(ground)

    def check(case: str) -> Done:
        ground = free.get()
        try:
            return ground.check(*CASES[case])
        finally:
            free.put(ground)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures: dict[str, Future[Done]] = {case: pool.submit(check, case) for case in wanted}
        try:
            yield lambda case: futures[case].result()
        finally:
            pool.shutdown(cancel_futures=True)
            for ground in grounds:
                ground.clear()


@pytest.mark.parametrize("case", CASES)
def test_the_check_rejects_the_twin(case: str, rejection: Callable[[str], Done]) -> None:
    twin, name = CASES[case]
    done = rejection(case)
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert [(check["name"], check["verdict"]) for check in report["checks"]] == [(name, "fail")], done.stdout
    check = report["checks"][0]
    assert "defect of the check" not in check["got"]
    assert twin.says in f"{check['did']} {check['expected']} {check['got']}", json.dumps(check, indent=1)
    assert check["next"]
