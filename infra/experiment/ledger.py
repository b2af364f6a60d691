"""The ledger of an experiment: what became of every operation, and after the stage healed, whether the promises hold.

An outcome is decided by what the client *knows*:
  ok       a 2xx; a 3xx to a read. A write that got one is *acknowledged*: the service has promised to keep it.
  failed   a 4xx: the service says that it did not do it. No connection: it was never asked. A read without its answer.
  unknown  a write that was sent and got no such answer: a timeout, a lost connection, a 5xx (the process behind it may
           have applied the write before it died). It may be there or not; neither is a mistake."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

import orjson

from infra.errors import LabError
from infra.experiment.keepalive import Answer, Connection, in_parallel
from infra.experiment.timeline import Audit, Outcome, Request

Item = TypeVar("Item")

NOT_SENT = "not sent"  # how an error begins when the request never left: connection refused, name unknown
_READS = ("GET ", "HEAD ")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PATIENCE = 5.0  # seconds that one link's reading may be repeated while no clean answer comes
_BOUND = 90.0  # seconds that a whole audit may take


def classify(name: str, status: int | None, error: str = "") -> Outcome:
    """What a client knows after a request called `name`: its `status` (None: no answer) and its `error`, which also
    says when an answer was wrong in itself (another url in Location, a 201 without an id)."""
    read = name.startswith(_READS)
    if status is None:
        return "failed" if read or error.startswith(NOT_SENT) else "unknown"
    if 200 <= status < 300 or (read and 300 <= status < 400):
        return "ok" if not error else ("failed" if read else "unknown")
    if read or 400 <= status < 500:
        return "failed"
    return "unknown"


@dataclass
class Ledger:
    """Acknowledged links as (id, url) and the urls whose fate is unknown."""

    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def enter(self, requests: Iterable[Request]) -> None:
        """Add the writes among these requests."""
        for request in requests:
            if request.name.startswith(_READS):
                continue
            if request.outcome == "ok":
                self.acknowledged.append((request.link_id, request.url))
            elif request.outcome == "unknown":
                self.unknown.append(request.url)


def audit(ledger: Ledger, address: tuple[str, int], *, search: bool, bound: float = _BOUND) -> Audit:
    """Read every acknowledged link back from the service at `address` and compare its url byte for byte; look the
    unknown ones up by `GET /links?url=` if `search`.

    An answer that says nothing (no connection, 5xx) is asked for again for 5 s; a link that cannot be read even then is
    lost to whoever was promised it. Raises LabError when nothing was acknowledged, the service answers nothing, or the
    audit takes longer than `bound` seconds."""
    if not ledger.acknowledged:
        raise LabError("No write was acknowledged, so there is nothing to prove. See `lab logs app`, then try again.")
    _insist_on_an_answer(address, ledger.acknowledged[0][0])
    end = time.monotonic() + bound
    kept = in_parallel(address, ledger.acknowledged, _until(end, _is_kept))
    lost = tuple(link for link, there in zip(ledger.acknowledged, kept, strict=True) if not there)
    applied = sum(in_parallel(address, ledger.unknown, _until(end, _is_found))) if search else None
    return Audit(len(ledger.acknowledged), lost, len(ledger.unknown), applied)


def _until(end: float, look: Callable[[Connection, Item], bool]) -> Callable[[Connection, Item], bool]:
    def bounded(connection: Connection, item: Item) -> bool:
        if time.monotonic() > end:
            raise LabError(
                "Reading the links back took too long: the service is up but hardly answers. See `lab logs app`."
            )
        return look(connection, item)

    return bounded


def _insist_on_an_answer(address: tuple[str, int], link_id: str) -> None:
    """An audit of a service that is not there would call every link lost; say instead that it is not there."""
    with Connection(address) as connection:
        if _ask(connection, f"/{quote(link_id, safe='')}") is None:
            raise LabError(
                f"The service at {address[0]}:{address[1]} does not answer after the stage was healed, "
                "so its links cannot be read back. See `lab status` and `lab logs app`."
            )


def _is_kept(connection: Connection, link: tuple[str, str]) -> bool:
    link_id, url = link
    if not _ID.fullmatch(link_id):
        return False
    answer = _ask(connection, f"/{link_id}")
    if answer is None or not 300 <= answer.status < 400 or answer.location is None:
        return False
    return answer.location.encode("latin-1") == url.encode()


def _is_found(connection: Connection, url: str) -> bool:
    answer = _ask(connection, f"/links?url={quote(url, safe='')}")
    if answer is None or answer.status != 200:
        return False
    try:
        return bool(orjson.loads(answer.body)["items"])
    except (ValueError, KeyError, TypeError):
        return False


def _ask(connection: Connection, path: str) -> Answer | None:
    """The answer, or the last one when only 5xx came for 5 s; None when there was no connection for so long."""
    give_up = time.monotonic() + _PATIENCE
    answer = None
    while True:
        try:
            answer = connection.ask("GET", path)
            if answer.status < 500:
                return answer
        except OSError:
            answer = None
        if time.monotonic() > give_up:
            return answer
        time.sleep(0.05)
