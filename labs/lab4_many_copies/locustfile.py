"""Lab 4's load: lab 3's visitors, who keep to a rate limit: after a 429 they make no link for a while."""

from __future__ import annotations

import time
from typing import Any

from labs.lab3_cache_and_events import locustfile as lab3


class PatientVisitor(lab3.ClickingVisitor):
    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.not_before = 0.0

    def create(self) -> None:
        if time.monotonic() < self.not_before and self.popularity is not None:
            self.follow()
        else:
            super().create()

    def heard(self, answer: Any) -> None:
        if answer.status_code == 429:
            self.not_before = time.monotonic() + float(answer.headers.get("retry-after") or 1)
