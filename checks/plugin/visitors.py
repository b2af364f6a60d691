"""People who follow links, and a ledger of every click: what came back and when. Lab 3.

The experiments' load (locust) will not do here: its client silently sends a GET again when a connection breaks, and a
click that was sent twice cannot be told from one that was counted twice."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from checks.plugin.service import LIMIT, SLACK, Service
from infra.experiment.keepalive import Connection

BREATH = 0.02  # seconds until somebody who found no service comes again


@dataclass(frozen=True)
class Click:
    """One GET of a link, on the monotonic clock. `status` None: no answer came; `sent` False: nothing listened."""

    link_id: str
    start: float
    end: float
    status: int | None
    sent: bool = True

    @property
    def seen(self) -> bool:
        """The client saw the redirect."""
        return self.status == 302

    @property
    def unknown(self) -> bool:
        """It was sent and nothing came back: the service may have redirected nobody, or somebody who was gone."""
        return self.status is None and self.sent


@dataclass
class Ledger:
    """Every click of a check."""

    clicks: list[Click] = field(default_factory=list)

    @property
    def seen(self) -> int:
        return sum(click.seen for click in self.clicks)

    @property
    def unknown(self) -> int:
        return sum(click.unknown for click in self.clicks)

    def bounds(self, until: float = float("inf")) -> dict[str, tuple[int, int]]:
        """By link: at least the redirects that were seen (those that were there by `until`), and at most all of them
        and the clicks whose end is unknown."""
        low = Counter(click.link_id for click in self.clicks if click.seen and click.end <= until)
        high = Counter(click.link_id for click in self.clicks if click.seen or click.unknown)
        return {link_id: (low[link_id], most) for link_id, most in high.items()}

    def __str__(self) -> str:
        return f"{self.seen:,} redirects seen, {self.unknown} clicks with an uncertain end"


class Visitors:
    """So many people click `rate` times a second together until the block is left; each has one connection."""

    def __init__(
        self,
        service: Service,
        links: Sequence[str],
        *,
        users: int = 6,
        rate: float = 400,
        choose: Callable[[float], str] | None = None,
    ) -> None:
        """`choose` picks the link to follow at a time of the monotonic clock; without it any of `links` is."""
        self.ledger = Ledger()
        self._service, self._interval = service, users / rate
        self._choose = choose or (lambda _: random.choice(links))
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._click, name=f"visitor-{n}") for n in range(users)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._service.count += len(self.ledger.clicks)

    def click_for(self, seconds: float) -> None:
        """Let them click meanwhile."""
        self._ended.wait(seconds)

    def _click(self) -> None:
        due = time.monotonic() + random.random() * self._interval
        with Connection(self._service.host_port, timeout=LIMIT + SLACK) as connection:
            while not self._ended.wait(max(0.0, due - time.monotonic())):
                click = follow(connection, self._choose(time.monotonic()))
                self.ledger.clicks.append(click)
                due = max(due + self._interval, click.end + (0.0 if click.sent else BREATH))


def follow(connection: Connection, link_id: str) -> Click:
    """One click, sent once."""
    start = time.monotonic()
    try:
        status = connection.ask("GET", f"/{link_id}").status
    except ConnectionRefusedError:
        return Click(link_id, start, time.monotonic(), None, sent=False)
    except OSError:
        return Click(link_id, start, time.monotonic(), None)
    return Click(link_id, start, time.monotonic(), status)
