"""`lab balance`: the load goes on whatever becomes of it, the figures are right, and all is as before afterwards."""

from __future__ import annotations

import functools
import itertools
import re
import signal
import threading
from collections.abc import Collection
from typing import Any, cast

import pytest

from checks.unit.labs.turning_copies import turning_copies
from infra.balancer import Copy
from infra.commands import balance as command
from infra.errors import LabError
from infra.runtime.protocol import Runtime
from labs.lab4_many_copies import interruptible
from labs.lab4_many_copies.balancing import compare as comparing
from labs.lab4_many_copies.balancing.compare import ALGORITHMS, Run, Uneven, compare
from labs.lab4_many_copies.balancing.paced import Pace, Redirect, follow
from labs.lab4_many_copies.balancing.picture import picture
from labs.lab4_many_copies.balancing.words import meaning
from labs.lab4_many_copies.new_links import NewLinks

COPIES = ["app-1", "app-2", "app-3"]
UNEVEN = Uneven("app-3", 0.05, Pace(200, 6))


def run(name: str, shares: tuple[int, int, int], slow: float = 0.1) -> Run:
    """So many redirects of each copy, of one link; those of the last copy take `slow` seconds."""
    counts = zip(COPIES, shares, (0.001, 0.002, slow), strict=True)
    return Run(name, [Redirect("a", copy, seconds) for copy, count, seconds in counts for _ in range(count)])


RUNS = [run(name, shares) for name, shares in zip(ALGORITHMS, ((40, 40, 40), (58, 57, 5), (90, 10, 20)), strict=True)]


def test_the_load_is_followed_at_its_pace_and_knows_who_answered() -> None:
    with turning_copies("app-1", "app-2") as server:
        found = follow(server.address, ["a", "b", "c"], Pace(rate=200, seconds=0.5))
    assert len(found) == 100
    assert {redirect.copy for redirect in found} == {"app-1", "app-2"}
    assert Run("turns", found).share("app-1") == pytest.approx(0.5, abs=0.01)
    assert {redirect.link for redirect in found} == {"a", "b", "c"}
    assert all(0 < redirect.seconds < 5 for redirect in found)


def test_what_is_no_redirect_has_failed() -> None:
    with turning_copies("app-1") as server:
        server.status = 503
        with pytest.raises(LabError, match="Of 20 redirects not one came back with a Served-By header"):
            follow(server.address, ["a"], Pace(rate=200, seconds=0.1))


def test_a_service_that_does_not_say_who_it_is() -> None:
    with turning_copies("app-1") as server:
        server.served_by = False
        with pytest.raises(LabError, match="Served-By"):
            follow(server.address, ["a"], Pace(rate=200, seconds=0.1))


def test_nobody_there_is_told_too() -> None:
    with pytest.raises(LabError, match="not one came back"):
        follow(("127.0.0.1", 1), ["a"], Pace(rate=200, seconds=0.05))


def test_an_interruption_ends_the_load_at_once() -> None:
    with turning_copies("app-1") as server:
        press = itertools.chain([functools.partial(signal.pthread_kill, threading.get_ident(), signal.SIGINT)])
        server.at_get = lambda: next(press, lambda: None)()
        with pytest.raises(KeyboardInterrupt):
            follow(server.address, ["a"], Pace(rate=20, seconds=3600))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_failure_inside_is_raised() -> None:
    async def fail() -> None:
        raise LabError("so it is")

    with pytest.raises(LabError, match="so it is"):
        interruptible.run(fail())


def test_the_figures_of_a_run() -> None:
    found = Run("x", [Redirect("a", "app-1", 0.01)] * 6 + [Redirect("a", "app-2", 0.03)] * 4 + [Redirect("b", "", 5.0)])
    assert found.failed == 1
    assert found.share("app-1") == pytest.approx(0.6)
    assert found.share("app-3") == 0
    assert found.percentile(0.5) == 0.01
    assert found.percentile(1.0) == 5.0  # who got no answer waited, too
    assert found.copies_a_link_met == 2


class Stage:
    """The least of a runtime: it writes down what is asked of it."""

    def __init__(self, balance: str = "roundrobin") -> None:
        self.asked: list[str] = []
        self.usual = self.now = balance

    @property
    def stage(self) -> Stage:
        return self

    @property
    def boxes(self) -> list[Stage]:
        return [self]

    names = ("balancer",)

    def box(self, _: str) -> Stage:
        return self

    @property
    def environment(self) -> dict[str, str]:
        return {"BALANCE": self.now}

    def address(self, box: str, _: int | None = None) -> tuple[str, int]:
        return box, 1

    def set_variables(self, variables: dict[str, str | None]) -> None:
        self.now = variables["BALANCE"] or self.usual

    def renew(self, box: str) -> None:
        self.asked.append(f"renew {box} with {self.now}")

    def slow(self, source: str, target: str, delay: float) -> None:
        self.asked.append(f"slow {source} {target} {delay}")

    def heal(self) -> None:
        self.asked.append("heal")


class Admin:
    def copies(self) -> dict[str, Copy]:
        states = {"app-1": "UP", "app-2": "UP", "app-3": "UP", "app-4": "MAINT"}
        return {name: Copy(name, state, 0, "L7OK 200", 0) for name, state in states.items()}

    def wait_for(self, copy: str, states: Collection[str], seconds: float) -> bool:
        return self.copies()[copy].state in states


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(comparing, "_admin", lambda _: Admin())
    monkeypatch.setattr(comparing, "make", lambda *_, **__: NewLinks(["a", "b"], 1.0))
    return Stage()


def test_each_algorithm_has_its_turn_and_the_last_word_is_the_old_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "follow", lambda *_: [Redirect("a", "app-1", stage.asked.count("heal"))])
    runs = compare(cast("Runtime", stage), UNEVEN, lambda _: None)
    assert [found.algorithm for found in runs] == list(ALGORITHMS)
    assert [found.redirects[0].seconds for found in runs] == [0, 1, 2]
    expected: list[str] = []
    for balance in ALGORITHMS.values():
        expected += [f"renew balancer with {balance}", "slow balancer app-3 0.05", "heal"]
    assert stage.asked == [*expected, "renew balancer with roundrobin"]


@pytest.mark.parametrize("before", ["roundrobin", "leastconn"])
def test_interrupted_in_the_middle_all_is_as_before(stage: Stage, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    def interrupted(*_: Any) -> list[Redirect]:
        raise KeyboardInterrupt

    stage.now = before  # chosen by hand, where it is not the usual one
    monkeypatch.setattr(comparing, "follow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare(cast("Runtime", stage), UNEVEN, lambda _: None)
    assert stage.asked[-2:] == ["heal", f"renew balancer with {before}"]


def test_a_copy_that_does_not_stand(stage: Stage) -> None:
    with pytest.raises(LabError, match=r"app-4 is no copy that stands. There are app-1, app-2, app-3\."):
        compare(cast("Runtime", stage), Uneven("app-4", 0.05, UNEVEN.pace), lambda _: None)
    assert stage.asked == []


def test_the_picture_shows_shares_and_both_percentiles_on_one_scale() -> None:
    drawn = picture(RUNS, COPIES, "app-3", width=80).plain
    assert len(re.findall(r"app-3 \(slow\) +█+ ", drawn)) == 3
    assert all(f"{share}%" in drawn for share in (33, 48, 75, 8, 17, 4))
    assert drawn.count("^p50") == drawn.count("^p99") == 3
    assert max(map(len, drawn.splitlines())) <= 80
    slow = [line.rindex("^p99") for line in drawn.splitlines() if "^p99" in line]
    assert len(set(slow)) == 1  # 0.1 s in each run: the same place
    assert "100 ms" in drawn.splitlines()[-1]
    assert picture(RUNS, COPIES, "app-3", ascii_only=True).plain.isascii()


def test_the_words_follow_the_figures() -> None:
    turns, least, hashed, pays = meaning(RUNS, COPIES, UNEVEN)
    assert "app-3 got 33%" in turns
    assert "counts against it" in least
    assert "app-1 the most, 75%" in hashed
    assert "cache in each copy" in pays
    even = [RUNS[0], run("least connections", (40, 40, 40)), RUNS[2]]
    assert "hardly less than its turn" in meaning(even, COPIES, UNEVEN)[1]


@pytest.mark.parametrize(("option", "value"), [("delay", 9.0), ("rate", 0.0), ("seconds", float("nan"))])
def test_numbers_that_will_not_do(option: str, value: float) -> None:
    usual: dict[str, Any] = {"slow": "app-3", "delay": 0.05, "rate": 200.0, "seconds": 6.0}
    with pytest.raises(LabError, match=f"--{option} .* will not do: name a number from"):
        command.balance(**(usual | {option: value}))


def test_a_name_that_no_copy_has_is_told_before_a_stage_comes_up() -> None:
    with pytest.raises(LabError, match="--slow nonsense names no copy"):
        command.balance(slow="nonsense", delay=0.05, rate=200.0, seconds=6.0)
