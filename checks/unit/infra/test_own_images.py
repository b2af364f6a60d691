"""The images that the kit makes itself: their names say what they are made from, unless another one is chosen."""

from __future__ import annotations

from infra.runtime.docker.images import official
from infra.runtime.docker.own_images import FAULTS, PATRONI


def test_the_name_tells_what_it_is_made_from() -> None:
    chosen = official()
    name = PATRONI.name(chosen)
    assert name.startswith("system-design-lab-patroni:")
    assert name == PATRONI.name({**chosen, "LAB_PYTHON_IMAGE": "other:1"})
    assert name != PATRONI.name({**chosen, "LAB_POSTGRES_IMAGE": "other:1"})
    assert FAULTS.name(chosen) != FAULTS.name({**chosen, "LAB_PYTHON_IMAGE": "other:1"})


def test_one_that_is_chosen_is_taken_as_it_is() -> None:
    assert PATRONI.name({"LAB_PATRONI_IMAGE": "mine:1"}) == "mine:1"
