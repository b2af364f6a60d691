"""One schedule of concurrent changes in two regions, the same for each rule, and what came of it. Lab 5."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from infra.experiment.healing import healed_afterwards
from infra.experiment.timeline import FaultSpan, percentile
from infra.runtime.protocol import Progress, Runtime
from labs.lab5_failover.regions.clients import Client, Reading
from labs.lab5_failover.regions.ledger import Write, lost

EAST, WEST = "east", "west"
REGIONS = (EAST, WEST)
BOXES = ("region-east", "region-west")
SLOWED, CUT = "100 ms each way", "cut"
PATIENCE = 15.0  # seconds in which the two must show the same once they reach each other
PASSING = 2.0  # seconds in which a change must have come to the other region while they reach each other
_GLANCE = 0.02


@dataclass(frozen=True)
class Plan:
    """How often each thing is done, to each of `links` links, all of which region east owns. `delay` in seconds, each
    way. `skew` is by how many seconds west's clock is ahead, or behind when below zero."""

    rule: str
    skew: float = 0.0
    links: int = 6
    together: int = 3  # rounds in which both read, and then both write
    in_turn: int = 3  # rounds in which east writes, west reads that, and writes
    apart: int = 2  # rounds of the first kind while the link is cut
    cut_seconds: float = 3.0  # that it is cut at least: a region gives the other one up after 2 s, and tries again
    delay: float = 0.1

    @property
    def steps(self) -> tuple[tuple[str, int], ...]:
        """The parts of the schedule, each with how many steps it has; in the last one west's clients write."""
        met = (("made", 1), ("together", self.together), ("in turn", 2 * self.in_turn))
        return (*met, ("cut", self.apart), ("healed", 1))

    @property
    def first_apart(self) -> int:
        """The first step in which the regions do not reach each other."""
        return 1 + self.together + 2 * self.in_turn

    @property
    def variables(self) -> dict[str, str | None]:
        """Of the stage, for the compose file."""
        return {"REGION_RULE": self.rule, "WEST_CLOCK_SKEW": f"{self.skew:g}"}


@dataclass(frozen=True)
class Run:
    """`shown` is what each region shows of each link in the end; `agreed` seconds after the link was healed until that
    was the same, None when it was not within 15 s. `conflicts` are links with several values then, `left` those that
    still had some after a client that had read them wrote one. `late` is how often a change had not come to the other
    region within 2 s, though they reached each other."""

    plan: Plan
    writes: tuple[Write, ...]
    shown: Mapping[str, Mapping[str, Reading]]
    lost: tuple[Write, ...]
    agreed: float | None
    conflicts: int
    left: int
    late: int
    faults: tuple[FaultSpan, ...]
    seconds: float

    @property
    def acknowledged(self) -> int:
        return sum(write.outcome == "ok" for write in self.writes)

    @property
    def not_taken(self) -> int:
        """Writes that were not acknowledged: their clients know that."""
        return len(self.writes) - self.acknowledged

    @property
    def refused(self) -> int:
        """Times that a client was told to read again first."""
        return sum(write.refused for write in self.writes)

    def later(self, region: str) -> list[Write]:
        """That region's writes in turn, concurrent with nothing: their clients had read what they replaced."""
        steps = range(1 + self.plan.together, self.plan.first_apart)
        return [one for one in self.writes if one.region == region and one.step in steps and one.outcome == "ok"]

    def apart(self, region: str) -> list[Write]:
        """That region's writes while the link was cut."""
        steps = range(self.plan.first_apart, self.plan.first_apart + self.plan.apart)
        return [one for one in self.writes if one.region == region and one.step in steps]

    def latencies(self, region: str) -> list[float]:
        """Seconds of the acknowledged writes there, while the regions reached each other."""
        before = [one for one in self.writes if one.region == region and one.step < self.plan.first_apart]
        return [one.seconds for one in before if one.outcome == "ok"]

    def latency(self, region: str, share: float) -> float | None:
        return percentile(self.latencies(region), share)

    def differing(self) -> list[str]:
        """The links of which the regions show different things."""
        return [link for link, reading in self.shown[EAST].items() if reading != self.shown[WEST][link]]


@dataclass
class _Play:
    """A run under way."""

    stage: Runtime
    plan: Plan
    tag: str
    began: float
    pool: ThreadPoolExecutor
    writes: list[Write] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    faults: list[FaultSpan] = field(default_factory=list)
    step: int = 0
    late: int = 0

    @property
    def links(self) -> list[str]:
        return [f"{EAST}-{self.tag}-{number}" for number in range(1, self.plan.links + 1)]

    def client(self, region: str) -> Client:
        return Client(region, self.stage.address(f"region-{region}"), self.began)

    def readings(self, region: str) -> dict[str, Reading]:
        """Every link, as that region shows it now."""
        client = self.client(region)
        found = dict(zip(self.links, self.pool.map(client.read, self.links), strict=True))
        self.read |= {url for reading in found.values() for url in reading.urls}
        return found

    def write(self, readings: Mapping[str, Mapping[str, Reading]]) -> None:
        """A new url for every link in each of these regions at once, by clients who have read that."""
        orders = [(self.client(region), *one) for region, found in readings.items() for one in found.items()]
        first = len(self.writes)
        urls = [f"https://example.com/{self.tag}/{first + number}" for number in range(len(orders))]

        def put(number: int) -> Write:
            client, link, reading = orders[number]
            return replace(client.write(link, urls[number], reading), step=self.step)

        self.writes += self.pool.map(put, range(len(orders)))
        self.step += 1

    def both(self) -> None:
        """Both regions' clients read, and only then both write: neither has seen what the other writes."""
        self.write({region: self.readings(region) for region in REGIONS})

    def until(self, holds: Callable[[dict[str, Reading], dict[str, Reading]], bool], seconds: float) -> float | None:
        """Seconds until that held of what east and west show; None when it did not within `seconds`."""
        start = time.monotonic()
        while True:
            if holds(self.readings(EAST), self.readings(WEST)):
                return time.monotonic() - start
            if time.monotonic() - start > seconds:
                return None
            time.sleep(_GLANCE)

    def passed_on(self) -> None:
        """Wait until both show the same, as they do soon while they reach each other."""
        self.late += self.until(same, PASSING) is None

    @contextmanager
    def fault(self, label: str) -> Iterator[None]:
        start = time.monotonic() - self.began
        yield
        self.faults.append(FaultSpan(label, start, time.monotonic() - self.began))


def same(east: dict[str, Reading], west: dict[str, Reading]) -> bool:
    return east == west


def prepare(stage: Runtime, plan: Plan) -> None:
    """Let both regions keep to the plan's rule and clocks from now on; those that do already are left alone."""
    stage.set_variables(plan.variables)
    for box in BOXES:
        stage.renew(box)


def play(stage: Runtime, plan: Plan, tag: str, say: Progress) -> Run:
    """Play the schedule on a stage of two regions. `tag` is a word of the run's own: its links are new ones.

    The link between the regions is healed afterwards, whatever happens."""
    prepare(stage, plan)
    with healed_afterwards(stage, None), ThreadPoolExecutor(2 * plan.links) as pool:
        one = _Play(stage, plan, tag, time.monotonic(), pool)
        stage.slow(*BOXES, plan.delay)
        with one.fault(SLOWED):
            say(f"{plan.rule}: both regions change the same {plan.links} links, {1000 * plan.delay:g} ms apart")
            _reachable(one)
        with one.fault(CUT):
            say(f"{plan.rule}: the link between them is cut, and both go on")
            stage.cut(*BOXES)
            _apart(one)
        stage.heal()
        stage.slow(*BOXES, plan.delay)
        say(f"{plan.rule}: the link is healed, until both show the same")
        return _settled(one)


def _reachable(one: _Play) -> None:
    one.write({EAST: {link: Reading() for link in one.links}})
    one.passed_on()
    for _ in range(one.plan.together):
        one.both()
        one.passed_on()
    for _ in range(one.plan.in_turn):
        one.write({EAST: one.readings(EAST)})
        one.passed_on()
        one.write({WEST: one.readings(WEST)})
        one.passed_on()


def _apart(one: _Play) -> None:
    """Spread over the time of the cut."""
    start, every = time.monotonic(), one.plan.cut_seconds / one.plan.apart
    for number in range(1, one.plan.apart + 1):
        one.both()
        time.sleep(max(0.0, start + number * every - time.monotonic()))


def _settled(one: _Play) -> Run:
    """Wait until both show the same, and let west's clients, who have read all there is, write once more."""
    agreed = one.until(same, PATIENCE)
    conflicts = sum(len(reading.urls) > 1 for reading in one.readings(EAST).values())
    if agreed is not None:
        one.write({WEST: one.readings(WEST)})
        agreed = None if one.until(same, PATIENCE) is None else agreed
    shown = {region: one.readings(region) for region in REGIONS}
    there = {url for found in shown.values() for reading in found.values() for url in reading.urls}
    left = sum(any(len(found[link].urls) > 1 for found in shown.values()) for link in one.links)
    writes, gone, seconds = tuple(one.writes), lost(one.writes, there, one.read), time.monotonic() - one.began
    return Run(one.plan, writes, shown, gone, agreed, conflicts, left, one.late, tuple(one.faults), seconds)
