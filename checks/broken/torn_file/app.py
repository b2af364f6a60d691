"""Rewrites the file in place, in two parts."""

import os
import time
from pathlib import Path

from checks.broken.spoil import run
from shortener.lab1_file import file_store


def in_place(path: Path, content: bytes) -> None:
    half = len(content) // 2
    with path.open("wb") as file:
        file.write(content[:half])
        file.flush()
        os.fsync(file.fileno())
        time.sleep(0.1)  # a slow disk: where the kill strikes
        file.write(content[half:])
        file.flush()
        os.fsync(file.fileno())


file_store._replace = in_place
run()
