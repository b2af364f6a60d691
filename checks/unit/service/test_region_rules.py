"""The rules of two regions, without any network: whatever arrives in whatever order, both end up the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortener.lab5_failover.regions.last_write_wins import LastWriteWins
from shortener.lab5_failover.regions.owner_region import OwnerRegion
from shortener.lab5_failover.regions.rules import NAMES, rule_of
from shortener.lab5_failover.regions.version_vector import VersionVector
from shortener.lab5_failover.regions.versions import Rule, Stale, State, from_document, to_document, vector_of_words

EAST, WEST = "east", "west"
REGIONS = (EAST, WEST)


class World:
    """Two regions with a rule: clients write, states are sent, and arrive late, twice, or in another order."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.states = {EAST: State(), WEST: State()}
        self.sent: list[tuple[str, State]] = []  # to which region
        self.saw: dict[str, set[str]] = {}  # what each writer had read

    def urls(self, region: str) -> set[str]:
        return {one.url for one in self.states[region].values}

    def write(self, region: str, at: int, *, after_reading: bool = True) -> str:
        url, present = f"url {len(self.saw)}", self.states[region]
        read = self.rule.version(present) if after_reading else ""
        self.states[region] = self.rule.write(present, url, read, region, at)
        self.saw[url] = self.urls_before(present) if after_reading else set()
        self.sent.append((WEST if region == EAST else EAST, self.states[region]))
        return url

    def urls_before(self, state: State) -> set[str]:
        return {one.url for one in state.values}

    def deliver(self, number: int) -> None:
        region, state = self.sent[number]
        self.states[region] = self.rule.merge(self.states[region], state)

    def deliver_all(self, order: list[int]) -> None:
        """Each once in that order; some have come before, and will come again."""
        for number in order:
            self.deliver(number)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(REGIONS), st.integers(0, 5), st.booleans()),
        st.tuples(st.just("deliver"), st.integers(0, 30)),
    ),
    max_size=20,
)


def played(rule: Rule, script: list[tuple], data: st.DataObject) -> World:  # type: ignore[type-arg]
    """The script, then everything delivered in an order of hypothesis' own choice, some of it twice."""
    world = World(rule)
    for verb, *rest in script:
        if verb == "write":
            region, at, after_reading = rest
            world.write(region, at, after_reading=after_reading)
        elif world.sent:
            world.deliver(rest[0] % len(world.sent))
    numbers = list(range(len(world.sent)))
    twice = numbers + data.draw(st.lists(st.sampled_from(numbers), max_size=5)) if numbers else []
    world.deliver_all(data.draw(st.permutations(twice)))
    return world


@pytest.mark.parametrize("rule", [LastWriteWins(), VersionVector()], ids=NAMES[:2])
@given(script=steps, data=st.data())
@settings(deadline=None)
def test_any_order_of_delivery_ends_in_the_same_state(rule: Rule, script: list[tuple], data: st.DataObject) -> None:  # type: ignore[type-arg]
    world = played(rule, script, data)
    assert world.states[EAST] == world.states[WEST]


@given(script=steps, data=st.data())
@settings(deadline=None)
def test_a_version_vector_drops_only_what_a_later_writer_had_read(script: list[tuple], data: st.DataObject) -> None:  # type: ignore[type-arg]
    world = played(VersionVector(), script, data)
    replaced = set().union(*world.saw.values()) if world.saw else set()
    assert world.urls(EAST) == set(world.saw) - replaced


@given(one=steps, other=steps, data=st.data())
@settings(deadline=None)
@pytest.mark.parametrize("rule", [LastWriteWins(), VersionVector()], ids=NAMES[:2])
def test_to_merge_is_commutative_and_does_no_harm_twice(
    rule: Rule,
    one: list[tuple],  # type: ignore[type-arg]
    other: list[tuple],  # type: ignore[type-arg]
    data: st.DataObject,
) -> None:
    world = World(rule)
    for verb, *rest in [*one, *other]:
        if verb == "write":
            world.write(rest[0], rest[1], after_reading=rest[2])
    states = [state for _, state in world.sent] or [State()]
    a, b, c = (data.draw(st.sampled_from(states)) for _ in range(3))
    assert rule.merge(a, b) == rule.merge(b, a)
    assert rule.merge(a, rule.merge(b, c)) == rule.merge(rule.merge(a, b), c)
    assert rule.merge(a, a) == a
    assert from_document(to_document(a)) == a


def test_last_write_wins_believes_the_clock_and_not_the_order() -> None:
    world = World(LastWriteWins())
    first = world.write(EAST, at=15)  # its clock is ahead
    world.deliver(0)
    world.write(WEST, at=11)  # later, and by somebody who has read the first
    assert world.urls(WEST) == {first}


def test_last_write_wins_decides_equal_timestamps_alike_in_both() -> None:
    world = World(LastWriteWins())
    world.write(EAST, at=7)
    late = world.write(WEST, at=7)
    world.deliver_all([0, 1])
    assert world.urls(EAST) == world.urls(WEST) == {late}


def test_siblings_stay_until_a_client_that_has_read_both_writes() -> None:
    world = World(VersionVector())
    both = {world.write(EAST, at=1), world.write(WEST, at=9)}
    world.deliver_all([1, 0])
    assert world.urls(EAST) == world.urls(WEST) == both
    resolved = world.write(WEST, at=2)
    world.deliver(2)
    assert world.urls(EAST) == world.urls(WEST) == {resolved}


def test_two_clients_of_one_region_who_read_the_same_make_siblings_too() -> None:
    rule, state = VersionVector(), State()
    state = rule.write(state, "first", "", EAST, 1)
    read = rule.version(state)
    for url in ("one", "other"):
        state = rule.write(state, url, read, EAST, 2)
    assert [one.url for one in state.values] == ["one", "other"]


def test_a_client_that_says_it_has_read_what_is_yet_to_come_makes_no_later_write_vanish() -> None:
    rule, west = VersionVector(), State()
    east = rule.write(State(), "claims", f"west:{10**17}", EAST, 1)
    for number in range(3):
        west = rule.write(west, f"later {number}", rule.version(west), WEST, 2)
        east = rule.merge(east, west)
    assert {one.url for one in east.values} == {"claims", "later 2"}
    assert rule.merge(west, east) == east
    assert east.seen == {EAST: 1, WEST: 3}


def test_what_a_client_has_read_in_the_other_region_stays_beside_its_write_where_it_has_not_arrived() -> None:
    world = World(VersionVector())
    first = world.write(EAST, at=1)
    read = world.rule.version(world.states[EAST])
    world.states[WEST] = world.rule.write(State(), "second", read, WEST, 2)
    world.deliver(0)
    assert world.urls(WEST) == {first, "second"}


def test_the_owner_takes_a_write_only_from_who_has_read_the_one_before() -> None:
    rule = OwnerRegion(REGIONS)
    assert [rule.owner(link_id) for link_id in ("east-1", "west-1", "1", "north-1")] == [EAST, WEST, EAST, EAST]
    first = rule.write(State(), "first", "", EAST, 1)
    second = rule.write(first, "second", rule.version(first), EAST, 1)
    for read in ("", "east:1", "east:9"):
        with pytest.raises(Stale):
            rule.write(second, "third", read, EAST, 1)
    assert rule.merge(first, second) == rule.merge(second, first) == second


@pytest.mark.parametrize("words", ["east", "east:", ":1", "east:1,", "east:-1", "east:x", f"east:{10**18}"])
def test_what_is_no_version(words: str) -> None:
    with pytest.raises(ValueError, match="hand back the one that you have read"):
        vector_of_words(words)


def test_a_rule_that_there_is_not() -> None:
    assert [rule_of(name, REGIONS) for name in NAMES] == [LastWriteWins(), VersionVector(), OwnerRegion(REGIONS)]
    with pytest.raises(ValueError, match="none of last-write-wins"):
        rule_of("newest", REGIONS)
