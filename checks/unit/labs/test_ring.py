"""The ring moves what it must and nothing else; the lesson's figures come out of it."""

from __future__ import annotations

import subprocess
import sys
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.commands import ring as command
from infra.errors import LabError
from labs.lab4_many_copies import copy_caches, moved_keys
from labs.lab4_many_copies.ring import Ring, by_modulo, position

KEYS = [f"key-{number}" for number in range(2_000)]
copy_names = st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=8, unique=True)
points = st.integers(min_value=1, max_value=50)
at_ease = settings(deadline=None)  # on a busy machine an example takes as long as it takes


@at_ease
@given(copy_names, points, st.data())
def test_only_the_keys_of_the_leaving_copy_move(copies: list[str], points: int, data: st.DataObject) -> None:
    leaving = data.draw(st.sampled_from(copies))
    ring = Ring(copies, points)
    before = {key: ring.copy_of(key) for key in KEYS[:300]}
    ring.remove(leaving)
    for key, owner in before.items():
        assert (ring.copy_of(key) != owner) is (owner == leaving)


@at_ease
@given(copy_names, points, st.text(min_size=9, max_size=12))
def test_a_joining_copy_takes_keys_and_no_others_change_hands(copies: list[str], points: int, joining: str) -> None:
    ring = Ring(copies, points)
    before = {key: ring.copy_of(key) for key in KEYS[:300]}
    ring.add(joining)
    assert all(ring.copy_of(key) in (owner, joining) for key, owner in before.items())


@at_ease
@given(copy_names, points, st.data())
def test_who_leaves_and_comes_back_has_the_same_keys(copies: list[str], points: int, data: st.DataObject) -> None:
    someone = data.draw(st.sampled_from(copies))
    ring = Ring(copies, points)
    before = [ring.copy_of(key) for key in KEYS[:300]]
    ring.remove(someone)
    ring.add(someone)
    assert [ring.copy_of(key) for key in KEYS[:300]] == before


@at_ease
@given(copy_names, st.randoms())
def test_the_order_in_which_copies_came_does_not_matter(copies: list[str], random: Random) -> None:
    one, other = Ring(copies), Ring(random.sample(copies, len(copies)))
    assert [one.copy_of(key) for key in KEYS[:100]] == [other.copy_of(key) for key in KEYS[:100]]


@settings(max_examples=25, deadline=None)
@given(copy_names)
def test_with_many_points_no_copy_holds_much_more_or_less_than_its_share(copies: list[str]) -> None:
    ring = Ring(copies, points=200)
    held = [ring.copy_of(key) for key in KEYS]
    mean = len(KEYS) / len(copies)
    for copy in copies:
        assert 0.5 * mean < held.count(copy) < 1.6 * mean


def test_a_key_lies_in_the_same_place_in_every_process() -> None:
    code = "from labs.lab4_many_copies.ring import position; print(position('a link'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == position("a link")


def test_a_ring_without_copies_says_so() -> None:
    with pytest.raises(LookupError):
        Ring([]).copy_of("key")


@pytest.mark.parametrize("copies", [2, 3, 10])
def test_modulo_moves_nearly_all_and_a_ring_about_one_in_so_many(copies: int) -> None:
    modulo, *_, finest = moved_keys.compare(KEYS, copies)
    assert modulo.leaving == pytest.approx(1 - 1 / copies, abs=0.06)
    assert modulo.joining == pytest.approx(1 - 1 / (copies + 1), abs=0.06)
    assert finest.leaving == pytest.approx(1 / copies, abs=0.06)
    assert finest.joining == pytest.approx(1 / (copies + 1), abs=0.06)
    assert finest.least <= 1 <= finest.most < 1.3


def test_moved_counts_the_keys_whose_copy_changed() -> None:
    assert (
        moved_keys.moved(["a", "b", "c", "d"], lambda _: "app-1", lambda key: "app-2" if key == "a" else "app-1")
        == 0.25
    )


def test_a_full_cache_forgets_what_nobody_asked_for_the_longest() -> None:
    cache = copy_caches.LruCache(room=2)
    assert [cache.ask(key) for key in ("a", "b", "a", "c", "a", "b")] == [False, False, True, False, True, False]


def test_caches_add_up_when_each_link_has_a_copy_of_its_own() -> None:
    in_turn, modulo, ring = copy_caches.compare(copy_caches.requests(KEYS, Random(1)), copies=3, room=200)
    assert ring.before > in_turn.before + 0.05
    assert modulo.before == pytest.approx(ring.before, abs=0.03)
    assert modulo.just_after < ring.just_after < ring.before


def test_the_picture_marks_each_key_that_moved() -> None:
    methods = moved_keys.methods()[:1]
    drawn = command.picture(methods, KEYS, copies=3, width=80).plain.splitlines()
    before, after, marks = (line[14:] for line in drawn[-3:])
    assert set(before) == set("123")
    assert set(after) == set("12")
    assert [mark == "^" for mark in marks] == [was != now for was, now in zip(before, after, strict=True)][: len(marks)]
    shown = sorted(KEYS[: len(before)], key=position)
    assert before == "".join(by_modulo(key, moved_keys.names(3)).removeprefix("app-") for key in shown)


@pytest.mark.parametrize(
    ("copies", "keys", "option"), [(1, 10_000, "--copies"), (3, 0, "--keys"), (99, 10_000, "--copies")]
)
def test_numbers_that_will_not_do_are_a_sentence(copies: int, keys: int, option: str) -> None:
    with pytest.raises(LabError, match=f"{option} .* will not do: name a number from"):
        command.ring(copies, keys)


def test_the_command_prints_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    command.ring(copies=4, keys=1_000)
    said = capsys.readouterr().out
    assert "1,000 keys on 4 copies. Then app-4 leaves, or app-5 joins." in said
    assert "hash modulo copies" in said
    assert "Where it does not: here." in said
