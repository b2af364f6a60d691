"""What a soak does to a stage, each with what takes it back: a box killed or paused, a link cut or slowed, and what an
operator does on a working day: other copies by a deploy, more or fewer of them (lab 4), another leader (lab 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infra import rolling
from infra.failover.change import switch_over
from infra.runtime.protocol import Runtime
from labs.lab5_failover.strikes import until_whole

DELAY = 0.1  # seconds more in each direction of a slowed link


@dataclass(frozen=True)
class Strike:
    """`do`, and after a while `back`, which is None for what is over when it is done. `kills` and `starts` as in At."""

    label: str
    do: Callable[[Runtime], None]
    back_label: str = ""
    back: Callable[[Runtime], None] | None = None
    kills: str = ""
    starts: str = ""


def kill(box: str) -> Strike:
    started = f"{box} started"
    return Strike(
        f"kill -9 {box}", lambda stage: stage.kill(box), started, lambda stage: stage.start(box), kills=box, starts=box
    )


def kill_process(box: str, process: str) -> Strike:
    """Of a node with several processes: the others live on (lab 5). It has them only once it has rejoined."""

    def do(stage: Runtime) -> None:
        until_whole(stage)
        stage.kill_process(box, process)

    return Strike(
        f"{process} alone killed in {box}",
        do,
        f"{box} restarted",
        lambda stage: stage.restart(box),
    )


def hand_over() -> Strike:
    """Another Postgres node leads (lab 5)."""
    return Strike("switchover", _switch)


def _switch(stage: Runtime) -> None:
    until_whole(stage)
    switch_over(stage)


def pause(box: str) -> Strike:
    resumed = f"{box} resumed"
    return Strike(f"{box} paused", lambda stage: stage.pause(box), resumed, lambda stage: stage.resume(box))


def cut(source: str, target: str) -> Strike:
    both = f"{source} and {target}"
    return Strike(f"{source} cut off from {target}", lambda stage: stage.cut(source, target), f"{both} joined", _heal)


def slow(source: str, target: str) -> Strike:
    both = f"{source} and {target}"
    return Strike(
        f"{source} slowed to {target}", lambda stage: stage.slow(source, target, DELAY), f"{both} hastened", _heal
    )


def deploy(version: str) -> Strike:
    return Strike(f"deploy of version {version}", lambda stage: rolling.deploy(stage, version, _quietly))


def scale(wanted: int, usual: int) -> Strike:
    return Strike(
        f"scaled to {wanted} copies",
        lambda stage: rolling.scale(stage, wanted, _quietly),
        f"scaled to {usual} again",
        lambda stage: rolling.scale(stage, usual, _quietly),
    )


def _heal(stage: Runtime) -> None:
    """Nothing else is broken meanwhile, so this joins the two and no more."""
    stage.heal()


def _quietly(sentence: str) -> None:
    """What a verb tells a learner, nobody reads here."""
