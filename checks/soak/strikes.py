"""What a soak does to a stage, each with what takes it back: a box killed or paused, a link cut or slowed, and what an
operator does on a working day: other copies by a deploy, more or fewer of them (lab 4), another leader (lab 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infra import rolling
from infra.failover.change import Change, switch_over
from infra.runtime.protocol import Runtime
from labs.lab5_failover.strikes import STRIKES, until_whole

DELAY = 0.1  # seconds more in each direction of a slowed link
PAST_LEASE = 22.0  # seconds until another one leads, as measured: the lease of 20 s, and what comes after it


@dataclass(frozen=True)
class Strike:
    """`do`, and after a while `back`, which is None for what is over when it is done. `kills` and `starts` as in At.
    `takes` are the seconds that `do` takes by itself, where that is more than a moment."""

    label: str
    do: Callable[[Runtime], None]
    back_label: str = ""
    back: Callable[[Runtime], None] | None = None
    kills: str = ""
    starts: str = ""
    takes: float = 0.0


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


def outlast_lease() -> Strike:
    """The leader is frozen until another one leads, and then goes on as if nothing had been (lab 5). What hung on it
    meanwhile, such as the worker's transaction, it takes up again."""
    frozen, changes = STRIKES["pause"], list[Change]()

    def do(stage: Runtime) -> None:
        until_whole(stage)
        changes.append(frozen.do(stage))

    def back(stage: Runtime) -> None:
        frozen.mend(stage, changes.pop().old)

    return Strike("leader paused past its lease", do, "the one that led resumed", back, takes=PAST_LEASE)


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
