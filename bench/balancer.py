"""The CPU time that a redirect costs through lab 4's load balancer, beside the same copies asked directly, at the same
rate: short rounds, taking turns, from a warm cache.

What counts is every box of the stage: the copies, Redis, Kafka, Postgres, those that count the clicks; and in one half
of the rounds the balancer, which does not run in the other half. The local runtime's relay, which carries what the
boxes say to each other and which no real stage has, stands apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.figure import Figure
from bench.many_copies import Answered, Stage, many_copies, paced
from infra.runtime.local.process import BoxProcess

RATE = 1000.0  # redirects a second
SECONDS = 5.0
ROUNDS = 7
MOST = 1.30  # times what it costs without the balancer
RELAY = ".relay"


@dataclass(frozen=True)
class Cost:
    """CPU microseconds of one redirect: of all boxes, of the balancer among them, and of the relay beside them."""

    boxes: float
    balancer: float
    relay: float


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
    relay = took.pop(RELAY, 0.0)
    return Cost(sum(took.values()), took.get("balancer", 0.0), relay)


def figures(through: list[Cost], direct: list[Cost]) -> list[Figure]:
    """Each factor is the median of the rounds' own: what disturbs a round disturbs both sides of it."""

    def factor(of: Callable[[Cost], float]) -> float:
        return median(of(one) / of(other) for one, other in zip(through, direct, strict=True))

    def boxes(cost: Cost) -> float:
        return cost.boxes

    def with_relay(cost: Cost) -> float:
        return cost.boxes + cost.relay

    least = factor(boxes)
    balancer = median(cost.balancer for cost in through)
    return [
        Figure(
            f"CPU a redirect through the balancer ({least:.2f} times the baseline; its own: {balancer:.0f} µs)",
            median(map(boxes, through)),
            "µs",
            f"at most {MOST:.2f} times the baseline",
            least <= MOST,
            median(map(boxes, direct)),
            f"the copies asked directly, {RATE:.0f}/s",
        ),
        Figure(
            f"the same with the local runtime's relay ({factor(with_relay):.2f} times the baseline)",
            median(map(with_relay, through)),
            "µs",
            "none: a real stage has no relay",
            True,
            median(map(with_relay, direct)),
            "the copies asked directly",
        ),
    ]
