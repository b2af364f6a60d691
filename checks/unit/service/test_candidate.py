"""When a node believes that it leads: the rules, without a server and without a clock that runs by itself."""

from __future__ import annotations

import pytest

from shortener.lab5_failover import sweeper
from shortener.lab5_failover.election.candidate import Candidate, Term
from shortener.lab5_failover.election.etcd_lease import EtcdLease
from shortener.lab5_failover.election.lease import LeaseAway
from shortener.lab5_failover.election.redis_lease import RedisLease


class Keeper:
    """A lease of 2 s that answers as it is told. It may take a while, and it may be away."""

    seconds = 2.0

    def __init__(self) -> None:
        self.now, self.takes = 100.0, 0.0
        self.token: int | None = 7
        self.renewed = True
        self.away = False
        self.released = 0

    def acquire(self) -> int | None:
        self._answer()
        return self.token

    def renew(self) -> bool:
        self._answer()
        return self.renewed

    def release(self) -> None:
        self._answer()
        self.released += 1

    def _answer(self) -> None:
        self.now += self.takes
        if self.away:
            raise LeaseAway("nobody there")


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


def candidate(keeper: Keeper, heard: list[str]) -> Candidate:
    return Candidate(keeper, lambda event, term, why: heard.append(f"{event} {term.token} {why}"), lambda: keeper.now)


def test_a_term_counts_from_before_the_question_and_each_renewal_makes_it_longer(keeper: Keeper) -> None:
    heard: list[str] = []
    node, keeper.takes = candidate(keeper, heard), 0.5
    assert node.look() == Term(7, 102.0)  # asked at 100: when the server decided nobody knows
    assert node.look() == Term(7, 102.5)
    assert heard == ["leads 7 "]


def test_it_leads_no_more_once_its_lease_is_anothers_and_stands_again(keeper: Keeper) -> None:
    heard: list[str] = []
    node = candidate(keeper, heard)
    node.look()
    keeper.renewed, keeper.token = False, None
    assert node.look() is None
    assert node.look() is None  # another one has it
    keeper.token = 9
    assert node.look() == Term(9, 102.0)
    assert heard == ["leads 7 ", "follows 7 its lease is no longer its own", "leads 9 "]


def test_without_an_answer_it_leads_as_long_as_its_lease_lasts_and_not_a_moment_longer(keeper: Keeper) -> None:
    heard: list[str] = []
    node = candidate(keeper, heard)
    node.look()
    keeper.away, keeper.now = True, 101.9
    assert node.look() == Term(7, 102.0)
    keeper.now = 102.0
    assert node.look() is None
    assert heard[-1].startswith("follows 7 its lease has run out and cannot be renewed")
    assert node.look() is None  # nor does it begin to lead


def test_stepping_down_gives_the_lease_back_if_it_can(keeper: Keeper) -> None:
    heard: list[str] = []
    node = candidate(keeper, heard)
    node.step_down("it never led")
    node.look()
    node.step_down("enough")
    assert (keeper.released, heard[1:]) == (1, ["follows 7 enough"])
    node.look()
    keeper.away = True
    node.step_down("enough")
    assert (keeper.released, heard[-1]) == (1, "follows 7 enough")


def test_what_it_is_told_by_its_environment() -> None:
    known = {"REDIS_URL": "redis://:hush@127.0.0.1:1/0", "ETCD_URL": "http://127.0.0.1:1"}
    assert isinstance(sweeper.lease_of({**known, "ELECTION": "redis"}, "a"), RedisLease)
    assert isinstance(sweeper.lease_of({**known, "ELECTION": "etcd", "LEASE": "3"}, "a"), EtcdLease)
    assert [sweeper.is_fenced(each) for each in ({}, {"FENCED": "no"}, {"FENCED": "yes"})] == [False, False, True]


@pytest.mark.parametrize(
    ("name", "value"), [("ELECTION", "zookeeper"), ("LEASE", "long"), ("LEASE", "0.2"), ("ETCD_URL", "https://hush:1")]
)
def test_a_wrong_variable_is_told_in_a_sentence(name: str, value: str) -> None:
    known = {"ETCD_URL": "http://127.0.0.1:1", "ELECTION": "etcd"}
    with pytest.raises(ValueError, match=name) as refused:
        sweeper.lease_of({**known, name: value}, "a")
    assert "hush" not in str(refused.value)
    with pytest.raises(ValueError, match="FENCED=perhaps will not do"):
        sweeper.is_fenced({"FENCED": "perhaps"})
