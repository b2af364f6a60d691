"""Saves the obvious way: opens the file, which empties it, and dumps everything into it."""

import json
from pathlib import Path

from checks.broken.spoil import run
from shortener.lab1_file import file_store


def dump(path: Path, content: bytes) -> None:
    with path.open("w") as file:
        json.dump(json.loads(content), file)


file_store._replace = dump
run()
