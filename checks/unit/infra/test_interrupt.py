"""Ctrl-C and SIGTERM while something is mended: heard once, and what the clean-up starts can still be ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from infra.interrupt import heard_once

ENDS = "import signal, sys; sys.exit(signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL)"


def test_what_the_clean_up_starts_hears_sigterm_and_the_clean_up_does_not() -> None:
    before = signal.getsignal(signal.SIGTERM)
    codes: list[int] = []
    with pytest.raises(KeyboardInterrupt), heard_once():
        _interrupted(codes)
    assert codes == [0]
    assert signal.getsignal(signal.SIGTERM) == before


def _interrupted(codes: list[int]) -> None:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        with heard_once():  # as in a runtime's heal
            os.kill(os.getpid(), signal.SIGTERM)
        codes.append(subprocess.run([sys.executable, "-c", ENDS], check=False).returncode)
