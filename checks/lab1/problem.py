"""What every error answer has to look like, whatever its status."""

from __future__ import annotations

from checks.plugin.service import Answer
from checks.plugin.verdict import expect


def expect_problem(answer: Answer, status: int | tuple[int, ...], did: str) -> None:
    """The status, and a problem document (RFC 9457) for a body."""
    wanted = (status,) if isinstance(status, int) else status
    words = " or ".join(map(str, wanted))
    expect(answer.status in wanted, did=did, expected=f"{words}, as application/problem+json", got=answer)
    kind = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    expect(
        kind == "application/problem+json",
        did=did,
        expected=f"{answer.status} with the Content-Type application/problem+json",
        got=answer,
    )
    if answer.sent.method == "HEAD":
        return
    document = answer.json()
    fits = isinstance(document, dict) and document.get("status", answer.status) == answer.status
    expect(fits, did=did, expected="a JSON object whose `status`, if it has one, is the answer's own", got=answer)
