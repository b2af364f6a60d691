"""Rewrites the file in place, in two parts."""

import os
import time
from pathlib import Path

from checks.broken.spoil import run
from shortener.lab1_file import file_store


def in_place(path: Path, content: bytes) -> None:
    half = len(content) // 2
    with path.open("wb") as file:
        for part in (content[:half], content[half:]):
            file.write(part)
            file.flush()
            os.fsync(file.fileno())
            time.sleep(0.01)


file_store._replace = in_place
run()
