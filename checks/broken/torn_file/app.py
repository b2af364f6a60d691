"""Rewrites the file in place, in one go."""

from pathlib import Path

from checks.broken.spoil import run
from shortener.lab1_file import file_store


def in_place(path: Path, content: bytes) -> None:
    path.write_bytes(content)


file_store._replace = in_place
run()
