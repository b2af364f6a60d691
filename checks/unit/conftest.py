"""What every unit test may count on."""

from __future__ import annotations

import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """A shell starts its background jobs with Ctrl-C ignored, and what they start inherits that. The tests that press
    Ctrl-C must not depend on how they were started themselves."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
