"""How much load, of which kind, and the command line that makes locust bring it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.errors import LabError
from infra.experiment.load.process import STOP_TIMEOUT
from infra.project import ROOT


@dataclass(frozen=True)
class Load:
    """Bounded load from locust. `users` send one request after the other, at most `rate` a second in all (None: as fast
    as they can); a `write_share` of them are POSTs, a `search_share` GET /links?url= (lab 2's load), the others follow
    one of `links` links, chosen by Zipf's law. Writes go to the boxes `targets` in turn, all else to the first.

    From lab 3 on a `change_share` are PATCH or DELETE of links that the visitor made itself, a `show_share` GET
    /links/{id}, and a `key_share` of the POSTs carry an Idempotency-Key. `options` are a locustfile's own."""

    users: int = 10
    seconds: float = 10.0
    rate: float | None = 200.0
    write_share: float = 0.2
    search_share: float = 0.0
    links: int = 200
    targets: tuple[str, ...] = ("app",)
    locustfile: Path | None = None
    change_share: float = 0.0
    show_share: float = 0.0
    key_share: float = 0.0
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        rate = f"at most {self.rate:.0f} requests a second" if self.rate else "as fast as they can"
        return f"{self.users} visitors, {rate}, for {self.seconds:.0f} s"


def locust_arguments(load: Load, lab: int, bases: Sequence[str]) -> list[str]:
    """Locust's command line for that load on the base urls of its targets."""
    return [
        *("--locustfile", str(load.locustfile or _locustfile(lab)), "--host", bases[0], "--copies", ",".join(bases)),
        *("--users", str(load.users), "--spawn-rate", str(load.users), "--stop-timeout", str(STOP_TIMEOUT)),
        *("--rate", str(load.rate or 0), "--write-share", str(load.write_share)),
        *("--search-share", str(load.search_share), "--change-share", str(load.change_share)),
        *("--show-share", str(load.show_share), "--key-share", str(load.key_share)),
        *load.options,
    ]


def headless(load: Load) -> list[str]:
    """The options that make it begin and end by itself, and print nothing that matters."""
    return ["--headless", "--only-summary", "--exit-code-on-error", "0", "--load-seconds", str(load.seconds)]


def _locustfile(lab: int) -> Path:
    found = sorted(ROOT.glob(f"labs/lab{lab}_*/locustfile.py"))
    if not found:
        raise LabError(
            f"Lab {lab} has no load yet: there is no locustfile.py in its folder below labs/. Try lab 1, 2 or 3."
        )
    return found[0]
