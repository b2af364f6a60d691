"""Whether each answer to clients is one that the contract knows, also while the leader is struck. Lab 5."""

from __future__ import annotations

from collections.abc import Sequence

from checks.plugin.service import LIMIT
from checks.plugin.verdict import expect
from infra.experiment.timeline import Request

_FOLLOWED = "GET /{id}"
_KNOWN = {503, 429}  # to any request: later, or less
_DONE = {_FOLLOWED: {302}, "POST /links": {201}}


def expect_explained(requests: Sequence[Request], hangs: int, did: str) -> None:
    """Raises CheckFailed for a 404 to a link that was acknowledged (visitors follow only such), a redirect elsewhere, a
    500; and for more than `hangs` requests whose answer never came: what is under way when a node dies or is paused."""
    unknown = [one for one in requests if one.name == _FOLLOWED and one.status == 404]
    got = f"404 for {len(unknown)} links, such as {unknown[0].link_id}" if unknown else ""
    expect(not unknown, did=did, expected="302 or 503 for each acknowledged link, never 404", got=got)
    wrong = [one for one in requests if one.status is not None and not _known(one)]
    got = f"{len(wrong)} others, such as {_told(wrong[0])}" if wrong else ""
    expect(not wrong, did=did, expected="302 to the link's url, 201, or 503 while nobody leads", got=got)
    silent = [one for one in requests if one.status is None]
    expected = f"an answer within {LIMIT:g} s, if only 503: faults like these cut {hangs} requests off at most"
    got = f"{len(silent)} without an answer, such as {_told(silent[0])}" if silent else ""
    expect(len(silent) <= hangs, did=did, expected=expected, got=got)


def _known(one: Request) -> bool:
    return one.status in _KNOWN or (one.status in _DONE.get(one.name, ()) and not one.error)


def _told(one: Request) -> str:
    return f"{one.name}: {one.error or one.status} after {one.seconds:.1f} s, at {one.start:.0f} s of the load"
