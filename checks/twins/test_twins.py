"""Each twin runs for real, on a stage of its own, and its check rejects it with the message that a learner needs.

Two run at a time: most of a check is waiting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from checks.twins.twin import twins

CASES = {f"{twin.name}-{name}": (twin, name) for twin in twins() for name in twin.rejected_by}
Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def rejection(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Done]]:
    """What became of a case; those that this session asks for are begun in its order, ahead of their tests."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    wanted = [item.callspec.id for item in items if item.function is test_the_check_rejects_the_twin]
    with ThreadPoolExecutor(2) as pool:
        futures: dict[str, Future[Done]] = {case: pool.submit(_check, case) for case in wanted}
        try:
            yield lambda case: futures[case].result()
        finally:
            pool.shutdown(cancel_futures=True)


def _check(case: str) -> Done:
    twin, name = CASES[case]
    project = f"twin-{os.getpid()}-{list(CASES).index(case)}"
    environment = {**os.environ, "APP": str(twin.folder), "RUNTIME": "local", "PROJECT": project}
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", "check", str(twin.lab), name, "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


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
