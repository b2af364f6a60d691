"""A service that breaks now and then under generated input has failed: the learner reads what broke, not how it was
found."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from checks.lab1.check_bad_input import check_generated_input
from checks.plugin.service import Answer, NoAnswer, Sent, Service


class BreaksOnce(Service):
    """Answers 400 to everything but its fifth request, which it drops."""

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        sent = Sent(self.base_url, method, path, dict(headers or {}), body)
        self.note(sent)
        if self.count == 5:
            raise NoAnswer(sent, "broken", "the connection broke", 0.0)
        return Answer(400, {}, b"", 0.0, sent)


def test_a_request_that_failed_once_has_failed() -> None:
    with pytest.raises(NoAnswer, match="the connection broke"):
        check_generated_input(BreaksOnce("http://127.0.0.1:9"))
