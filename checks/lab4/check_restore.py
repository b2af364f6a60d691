"""The way back after a loss: the database of a chosen moment, from a backup and the log archived since then. Lab 4."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from checks.plugin.load import failing_as
from checks.plugin.seeded import end_of, everything_into
from checks.plugin.service import Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect
from infra.backup import restore, take

EACH = 15  # links before the backup, after it, and after the chosen moment


@dataclass(frozen=True)
class Made:
    """A link that was acknowledged."""

    link_id: str
    url: str


def check_restore(own_stand: Stand, note: Callable[[str], None]) -> None:
    """A restore brings every link acknowledged before the chosen time, and nothing that was done after it"""
    service, runtime = own_stand.service, own_stand.runtime
    before = _make(service, "before-the-backup")
    with _told("Ran `lab backup`.", "a backup, verified"):
        take.take(runtime)
    before += _make(service, "after-the-backup")
    moment = time.time()
    changed, deleted = before[0], before[-1]
    answer = service.patch(changed.link_id, {"url": "https://example.com/changed-afterwards"})
    expect(answer.status == 200, did="Changed a link.", expected="200", got=answer)
    answer = service.delete(deleted.link_id)
    expect(answer.status == 204, did="Deleted a link.", expected="204", got=answer)
    afterwards = _make(service, "after-the-moment")
    did = f"Made {len(before)} links, then {EACH} more, changed one and deleted one; lost the database; restored it."
    with _told(did, "a stage that stands again"):
        restore.lose(runtime)
        done = restore.restore(runtime, moment, lambda _: None)
    note(f"served again after {done.seconds:.1f} s")
    _expect_back(service, before, did)
    _expect_gone(service, afterwards, did)
    service.create("https://example.com/after-the-restore")


@contextmanager
def _told(did: str, expected: str) -> Iterator[None]:
    """What the tools say of their progress belongs into no report, unless they fail."""
    with (
        tempfile.TemporaryFile() as output,
        failing_as(did, expected, lambda: f"{end_of(output)} "),
        everything_into(output.fileno()),
    ):
        yield


def _make(service: Service, word: str) -> list[Made]:
    """Some links, each followed once, so that it lies in the cache as well."""
    urls = [f"https://example.com/{word}/{secrets.token_hex(6)}" for _ in range(EACH)]
    links = [Made(str(service.create(url)["id"]), url) for url in urls]
    for link in links:
        service.get(f"/{link.link_id}")
    return links


def _expect_back(service: Service, links: Iterable[Made], did: str) -> None:
    answers = [(link, service.get(f"/{link.link_id}")) for link in links]
    lost = [(link, answer) for link, answer in answers if answer.headers.get("location") != link.url]
    if lost:
        link, answer = lost[0]
        got = f"{len(lost)} of {len(answers)} otherwise, such as the link to {link.url}: {answer}"
        expected = "every link that was acknowledged before the chosen time, as it was then"
        raise CheckFailed(did=did, expected=expected, got=got, request=answer.curl)


def _expect_gone(service: Service, links: Iterable[Made], did: str) -> None:
    answers = [service.get(f"/{link.link_id}") for link in links]
    left = [answer for answer in answers if answer.status != 404]
    got = f"{len(left)} of {len(answers)} are there: {left[0] if left else ''}"
    expect(not left, did=did, expected="no link that was made after the chosen time", got=got)
