"""Reads the file, adds a link, writes it back; what another client wrote meanwhile is gone."""

import asyncio
import secrets
from datetime import UTC, datetime

from checks.broken.spoil import run
from shortener.lab1_file.file_store import FileStore
from shortener.lab1_file.links import Link


async def add(self: FileStore, url: str) -> Link:
    found = dict(self._urls)
    await asyncio.sleep(0.002)  # the disk
    link = Link(secrets.token_hex(4)[:7], url, datetime.now(UTC))
    self._urls = found | {link.id: url}
    return link


FileStore.add = add  # type: ignore[method-assign]
run()
