"""The three verdicts, how a check says them, and the exit code that they add up to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NoReturn

Verdict = Literal["pass", "fail", "inconclusive"]

PROVED, NOT_PROVED, INCONCLUSIVE = 0, 1, 75
MARKS: dict[Verdict, str] = {"pass": "✓", "fail": "✗", "inconclusive": "?"}


class CheckFailed(Exception):  # noqa: N818 - a verdict, not a mishap
    """The service does not keep its promise. `next` is a step of its own; None lets the report name the usual one."""

    def __init__(self, *, did: str, expected: str, got: str, next: str | None = None, request: str | None = None):  # noqa: A002
        super().__init__(f"{did}: expected {expected}, got {got}")
        self.did, self.expected, self.got, self.next, self.request = did, expected, got, next, request


class Inconclusive(Exception):  # noqa: N818 - a verdict, not a mishap
    """This machine or runtime cannot decide it; the message says why in words."""


@dataclass
class Result:
    """One check's verdict. `request` is a curl line, `log` the end of the service's log, `reason` why it is open."""

    name: str
    title: str
    verdict: Verdict
    seconds: float
    did: str = ""
    expected: str = ""
    got: str = ""
    request: str = ""
    log: str = ""
    next: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()


def expect(condition: object, *, did: str, expected: str, got: object, next: str | None = None) -> None:  # noqa: A002
    """Raise CheckFailed unless `condition` holds. `got` may be an Answer: its request is then shown as a curl line."""
    if condition:
        return
    raise CheckFailed(did=did, expected=expected, got=str(got), next=next, request=getattr(got, "curl", None))


def inconclusive(reason: str) -> NoReturn:
    raise Inconclusive(reason)


def exit_code(results: Iterable[Result]) -> int:
    """0 when everything passed, 1 when anything failed or nothing ran, else 75 when something stayed open."""
    verdicts = [result.verdict for result in results]
    if not verdicts or "fail" in verdicts:
        return NOT_PROVED
    return INCONCLUSIVE if "inconclusive" in verdicts else PROVED
