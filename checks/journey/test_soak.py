"""A little of the soak, in the runtime that RUNTIME names: kills cost nothing that was promised."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import count

import pytest

from checks.journey.test_journey import Learner, leftovers
from checks.soak.faults import faults
from checks.soak.plans import plan
from infra.project import ROOT, default_name

SOAKS = {  # by lab: minutes, and what its seed brings
    3: (0.5, tuple(f"kill -9 {box}" for box in ("redis", "kafka", "worker", "postgres", "app"))),
    4: (0.3, ("kill -9 app-", "deploy")),
}
# In docker one stands for both, for its stage has all boxes of the other.
SOAKED = [4] if os.environ.get("RUNTIME") == "docker" else list(SOAKS)


def first_seed(lab: int) -> int:
    minutes, wanted = SOAKS[lab]
    its_plan = plan(lab)

    def brings_all(seed: int) -> bool:
        labels = [entry.label for entry in faults(seed, 60 * minutes, its_plan)]
        return all(any(label.startswith(part) for label in labels) for part in wanted)

    return next(seed for seed in count() if brings_all(seed))


@pytest.mark.parametrize("lab", SOAKED)
def test_nothing_that_was_promised_is_lost_while_boxes_are_killed(lab: int) -> None:
    project = f"{default_name()}-soak-{os.getpid()}"
    words = ["--lab", str(lab), "--minutes", str(SOAKS[lab][0]), "--seed", str(first_seed(lab))]
    done = subprocess.run(
        [sys.executable, "-m", "checks.soak", *words],
        cwd=ROOT, env=os.environ | {"PROJECT": project}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=400, check=False,
    )  # fmt: skip
    if done.returncode == 75:
        pytest.skip("this machine is too busy to tell 100 ms apart")
    assert done.returncode == 0, done.stdout
    assert "Nothing was lost, and every count is exact." in done.stdout
    assert leftovers(Learner(project, 0)) == []
