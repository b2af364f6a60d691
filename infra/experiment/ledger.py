"""The ledger of an experiment: what became of every operation, and after the stage healed, whether the promises hold.

An outcome is decided by what the client *knows*:
  ok       a 2xx; a 3xx to a read. A write that got one is *acknowledged*: the service has promised to keep it.
  failed   a 4xx: the service says that it did not do it. No connection: it was never asked. A read without its answer.
  unknown  a write that was sent and got no such answer: a timeout, a lost connection, a 5xx (the process behind it may
           have applied the write before it died). It may be there or not; neither is a mistake.

From lab 3 on links are changed and deleted too: then the ledger holds where each may lead to, or that it is gone."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

import orjson

from infra.errors import LabError
from infra.experiment.keepalive import Answer, Connection, in_parallel
from infra.experiment.timeline import Audit, Outcome, Request

Item = TypeVar("Item")
Result = TypeVar("Result")

NOT_SENT = "not sent"  # how an error begins when the request never left: connection refused, name unknown
_READS = ("GET ", "HEAD ")
_CHANGES = ("PATCH ", "DELETE ")
GONE = "GET /{id} (deleted)"  # a redirect that must be 404: the service has acknowledged that the link is deleted
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PATIENCE = 5.0  # seconds that one link's reading may be repeated while no clean answer comes
_BOUND = 90.0  # seconds that a whole audit may take


def classify(name: str, status: int | None, error: str = "") -> Outcome:
    """What a client knows after a request called `name`: its `status` (None: no answer) and its `error`, which also
    says when an answer was wrong in itself (another url in Location, a 201 without an id)."""
    read = name.startswith(_READS)
    if name == GONE:
        return "ok" if status == 404 else "failed"
    if status is None:
        return "failed" if read or error.startswith(NOT_SENT) else "unknown"
    if 200 <= status < 300 or (read and 300 <= status < 400):
        return "ok" if not error else ("failed" if read else "unknown")
    if read or 400 <= status < 500:
        return "failed"
    return "unknown"


@dataclass
class Ledger:
    """Acknowledged links as (id, url) and the urls whose fate is unknown. `later` holds, for each link that somebody
    changed or deleted, where it may lead to now (None: nowhere); `deletions` the ids of unknown DELETEs; `repeated` the
    urls that were sent more than once under one Idempotency-Key."""

    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    later: dict[str, frozenset[str | None]] = field(default_factory=dict)
    deletions: list[str] = field(default_factory=list)
    repeated: set[str] = field(default_factory=set)

    def enter(self, requests: Iterable[Request]) -> None:
        """Add the writes among these requests, which are in the order of time."""
        changes: list[Request] = []
        tries: dict[str, list[Request]] = {}
        for request in requests:
            if request.name.startswith(_READS):
                continue
            if request.name.startswith(_CHANGES):
                changes.append(request)
            elif request.key:
                tries.setdefault(request.key, []).append(request)
            else:
                self._make(request)
        for again in tries.values():
            self._make_once(again)
        urls = dict(self.acknowledged)
        for change in changes:
            self._change(change, urls.get(change.link_id))

    def promises(self) -> list[tuple[str, frozenset[str | None]]]:
        """Each acknowledged link and where it may lead to now."""
        return [(link_id, self.later.get(link_id, frozenset({url}))) for link_id, url in self.acknowledged]

    def _make(self, request: Request) -> None:
        if request.outcome == "ok":
            self.acknowledged.append((request.link_id, request.url))
        elif request.outcome == "unknown":
            self.unknown.append(request.url)

    def _make_once(self, tries: Sequence[Request]) -> None:
        """However often it was tried under its key, it is one link: the last answer says which, if there was one."""
        if len(tries) > 1:
            self.repeated.add(tries[0].url)
        answered = {(one.link_id, one.url) for one in tries if one.outcome == "ok"}
        self.acknowledged += sorted(answered)
        if not answered and any(one.outcome == "unknown" for one in tries):
            self.unknown.append(tries[0].url)

    def _change(self, request: Request, url: str | None) -> None:
        """A PATCH or DELETE of a link to `url`. One that is unknown leaves both possible, the old and the new."""
        if request.outcome == "failed":
            return
        wanted = frozenset({None if request.name.startswith("DELETE") else request.url})
        if request.outcome == "ok":
            self.later[request.link_id] = wanted
            return
        self.later[request.link_id] = self.later.get(request.link_id, frozenset({url})) | wanted
        if request.name.startswith("DELETE"):
            self.deletions.append(request.link_id)
        else:
            self.unknown.append(request.url)


def audit(ledger: Ledger, address: tuple[str, int], *, search: bool, bound: float = _BOUND) -> Audit:
    """Read every acknowledged link back from the service at `address` and compare its url byte for byte; look the
    unknown ones, and those that were sent again, up by `GET /links?url=` if `search`.

    An answer that says nothing (no connection, 5xx) is asked for again for 5 s; a link that cannot be read even then is
    lost to whoever was promised it. Raises LabError when nothing was acknowledged, the service answers nothing, or the
    audit takes longer than `bound` seconds."""
    if not ledger.acknowledged:
        raise LabError("No write was acknowledged, so there is nothing to prove. See `lab logs app`, then try again.")
    _insist_on_an_answer(address, ledger.acknowledged[0][0])
    end = time.monotonic() + bound
    kept = in_parallel(address, ledger.promises(), _until(end, _is_kept))
    lost = tuple(link for link, there in zip(ledger.acknowledged, kept, strict=True) if not there)
    unknown = len(ledger.unknown) + len(ledger.deletions)
    if not search:
        return Audit(len(ledger.acknowledged), lost, unknown, None)
    found = in_parallel(address, ledger.unknown, _until(end, _found))
    gone = in_parallel(address, [(link_id, frozenset({None})) for link_id in ledger.deletions], _until(end, _is_kept))
    again = sorted(ledger.repeated)
    twice = [
        url for url, links in zip(again, in_parallel(address, again, _until(end, _found)), strict=True) if links > 1
    ]
    return Audit(len(ledger.acknowledged), lost, unknown, sum(map(bool, found)) + sum(gone), tuple(twice))


def _until(end: float, look: Callable[[Connection, Item], Result]) -> Callable[[Connection, Item], Result]:
    def bounded(connection: Connection, item: Item) -> Result:
        if time.monotonic() > end:
            raise LabError(
                "Reading the links back took too long: the service is up but hardly answers. See `lab logs app`."
            )
        return look(connection, item)

    return bounded


def _insist_on_an_answer(address: tuple[str, int], link_id: str) -> None:
    """An audit of a service that is not there would call every link lost; say instead that it is not there."""
    with Connection(address) as connection:
        if ask(connection, f"/{quote(link_id, safe='')}") is None:
            raise LabError(
                f"The service at {address[0]}:{address[1]} does not answer after the stage was healed, "
                "so its links cannot be read back. See `lab status` and `lab logs app`."
            )


def _is_kept(connection: Connection, promise: tuple[str, frozenset[str | None]]) -> bool:
    link_id, goals = promise
    if not _ID.fullmatch(link_id):
        return False
    answer = ask(connection, f"/{link_id}")
    if answer is not None and answer.status == 404:
        return None in goals
    if answer is None or not 300 <= answer.status < 400 or answer.location is None:
        return False
    return answer.location.encode("latin-1") in {url.encode() for url in goals if url is not None}


def _found(connection: Connection, url: str) -> int:
    """How many links lead to that url."""
    answer = ask(connection, f"/links?url={quote(url, safe='')}")
    if answer is None or answer.status != 200:
        return 0
    try:
        return len(orjson.loads(answer.body)["items"])
    except (ValueError, KeyError, TypeError):
        return 0


def ask(connection: Connection, path: str) -> Answer | None:
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
