"""What lab 4's load balancer thinks of each copy, and whom it sends requests: asked and told over its admin socket.

HAProxy's socket takes one command a connection. Both runtimes publish it on 127.0.0.1."""

from __future__ import annotations

import csv
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from infra.errors import LabError

ADMIN_PORT = 9999  # inside the box
STATISTICS_PORT = 8404
ASKS_AGAIN = 1.3  # seconds that a copy has for a GET before another one is asked, as in infra/config/haproxy.cfg
TRIES = 3  # how often a GET is sent at most, as there
CHOOSES = "copies"  # the backend in whose states a copy is drained; the other one steps in when none of it is ready
_SECONDS = 3.0  # for an answer
_POLL = 0.02

Wanted = Literal["ready", "drain"]


@dataclass(frozen=True)
class Copy:
    """One copy as the balancer sees it. `state` is UP, DOWN, DRAIN or MAINT (its name leads nowhere); `sessions` are
    requests in flight there; `check` is what its last health check met, such as "L7OK 200"."""

    name: str
    state: str
    sessions: int
    check: str
    requests: int


@dataclass(frozen=True)
class Balancer:
    """The admin socket at that host and port."""

    host: str
    port: int

    def ask(self, command: str) -> str:
        """The answer to one command. Raises LabError when the balancer does not answer."""
        said = b""
        try:
            with socket.create_connection((self.host, self.port), timeout=_SECONDS) as connection:
                connection.sendall(command.encode() + b"\n")
                while part := connection.recv(65536):
                    said += part
        except OSError as error:
            raise LabError(
                f"The balancer does not answer at its admin socket ({error}). `make heal` brings it back."
            ) from error
        return said.decode(errors="replace").strip()

    def copies(self) -> dict[str, Copy]:
        """Every copy that it knows by name, the resting ones too."""
        rows = [row for row in self._table() if row["svname"] not in ("FRONTEND", "BACKEND")]
        in_flight: dict[str, int] = {}
        for row in rows:
            in_flight[row["svname"]] = in_flight.get(row["svname"], 0) + int(row["scur"])
        return {row["svname"]: _copy(row, in_flight) for row in rows if row["pxname"] == CHOOSES}

    def _table(self) -> list[dict[str, str]]:
        said = self.ask("show stat")
        if not said.startswith("# pxname,"):
            raise LabError(
                f"The balancer said something else than its table: {said[:200]!r}. Try `make restart-balancer`."
            )
        return list(csv.DictReader(said.removeprefix("# ").splitlines()))

    def set_state(self, copy: str, state: Wanted) -> None:
        """Send that copy requests (`ready`), or no new ones (`drain`). Raises LabError for a name it does not know."""
        if said := self.ask(f"set server {CHOOSES}/{copy} state {state}"):
            raise LabError(f"The balancer does not take {copy} as a copy ({said}). See infra/config/haproxy.cfg.")

    def wait_idle(self, copy: str, seconds: float) -> bool:
        """Whether every request in flight there has ended within that time."""
        return _within(seconds, lambda: self.copies()[copy].sessions == 0)

    def wait_for(self, copy: str, states: Collection[str], seconds: float) -> bool:
        """Whether it has that copy in one of those states within that time; UP is when it sends it requests."""
        return _within(seconds, lambda: self.copies()[copy].state in states)


def _copy(row: dict[str, str], in_flight: dict[str, int]) -> Copy:
    name = row["svname"]
    check = f"{row['check_status'].lstrip('* ')} {row['check_code']}".strip()
    # Half-way between two states it says so: "UP 1/2", "DOWN 1/2", "MAINT (resolution)".
    return Copy(name, row["status"].split()[0], in_flight[name], check, int(row["stot"]))


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True
