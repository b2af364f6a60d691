"""The CPU time that a redirect costs through lab 4's load balancer, beside the same copies asked directly, at the same
rate: short rounds, taking turns, from a warm cache.

What is judged is the way of a redirect: the copies, which run in all rounds, and the balancer, which runs in one half.
All boxes of the stage together are judged too, though Kafka and those that count the clicks take a share that no
balancer changes. The local runtime's relay, which carries what the boxes say to each other and which no real stage has,
stands apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.figure import Figure
from bench.many_copies import COPIES, Answered, Stage, many_copies, paced
from infra.runtime.local.process import BoxProcess

RATE = 500.0  # redirects a second
SECONDS = 5.0
ROUNDS = 7
MOST = 1.30  # times what it costs without the balancer
RELAY = ".relay"


@dataclass(frozen=True)
class Cost:
    """CPU microseconds of one redirect: of the copies, of the balancer, of whatever else, and of the relay."""

    copies: float
    balancer: float
    others: float
    relay: float

    @property
    def way(self) -> float:
        return self.copies + self.balancer

    @property
    def boxes(self) -> float:
        return self.way + self.others

    @property
    def everything(self) -> float:
        return self.boxes + self.relay


def run() -> list[Figure]:
    through, direct = list[Cost](), list[Cost]()
    with many_copies("local") as stage:
        for _ in range(ROUNDS):
            through.append(a_round(stage, [stage.port]))
            stage.runtime.stop("balancer")
            direct.append(a_round(stage, stage.copy_ports()))
            stage.runtime.start("balancer")
            stage.wait_for_the_balancer()
    return figures(through, direct)


def a_round(stage: Stage, ports: list[int]) -> Cost:
    paced(ports, stage.paths, RATE, 1.0)  # by then every connection is open, and what is asked for is in the cache
    before = cpu_seconds(stage)
    answers = paced(ports, stage.paths, RATE, SECONDS)
    return cost(before, cpu_seconds(stage), answers)


def cpu_seconds(stage: Stage) -> dict[str, float]:
    """What each box has taken since it started, with the children that it has outlived; by name, the relay too."""
    files = (stage.project.folder / "boxes").glob("*.pid")
    processes = [BoxProcess(file) for file in files if file.stem == RELAY or not file.name.startswith(".")]
    return {process.name: sum(sum(one.cpu_times()[:4]) for one in process.members()) for process in processes}


def cost(before: dict[str, float], after: dict[str, float], answers: list[Answered]) -> Cost:
    """Raises AssertionError when not all were redirects, or they came so late that this was another rate."""
    assert all(answer.status == 302 for answer in answers), "not every answer was a redirect"
    late = sum(answer.seconds > SECONDS / 10 for answer in answers)
    assert late < len(answers) / 10, f"{late} of {len(answers)} answers came late: the machine cannot keep this rate"
    took = {name: 1e6 * (after[name] - before.get(name, 0.0)) / len(answers) for name in after}
    copies = sum(took.pop(name, 0.0) for name in COPIES)
    balancer, relay = took.pop("balancer", 0.0), took.pop(RELAY, 0.0)
    return Cost(copies, balancer, sum(took.values()), relay)


def figures(through: list[Cost], direct: list[Cost]) -> list[Figure]:
    own = median(cost.balancer for cost in through)
    most = f"at most {MOST:.2f} times the baseline"
    return [
        figure(f"CPU a redirect, balancer ({own:.0f} µs) and copies", lambda cost: cost.way, through, direct, most),
        figure("CPU a redirect, all boxes", lambda cost: cost.boxes, through, direct, most),
        figure("CPU a redirect, the local relay too", lambda cost: cost.everything, through, direct),
    ]


def figure(
    name: str, of: Callable[[Cost], float], through: list[Cost], direct: list[Cost], target: str = "none"
) -> Figure:
    """The factor is the median of the rounds' own: what disturbs a round disturbs both sides of it."""
    factor = median(of(one) / of(other) for one, other in zip(through, direct, strict=True))
    return Figure(
        f"{name} ({factor:.2f} times the baseline)",
        median(map(of, through)),
        "µs",
        target,
        target == "none" or factor <= MOST,
        median(map(of, direct)),
        f"the copies asked directly, {RATE:.0f}/s",
    )
