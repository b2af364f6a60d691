"""Links in one JSON file, rewritten whole for each batch of new links, that survives a kill at any moment. Lab 1."""

import asyncio
import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

import orjson

from shortener.lab1_file.batches import Batches
from shortener.lab1_file.links import ID, Link, Unavailable, checked_url, new_id

SECONDS = 4.0  # a write that takes longer is not acknowledged


class FileStore:
    """Reads come from memory. A write costs time in proportion to the file: that is the lesson of this lab.

    Nothing locks the file: two processes on one file overwrite each other's links. That is a lesson, too."""

    def __init__(self, path: Path) -> None:
        """Raises ValueError or OSError, with a sentence, when there is a file and it cannot be used."""
        path.parent.mkdir(parents=True, exist_ok=True)
        links = read_links(path) if path.exists() else []
        self._path = path
        self._urls = {link.id: link.url for link in links}
        self._lines = [_line(link) for link in links]  # the file as it stands on disk
        self._batches = Batches(self._commit)
        for left_by_a_kill in path.parent.glob(f"{path.name}.*.tmp"):
            left_by_a_kill.unlink(missing_ok=True)

    async def find_url(self, link_id: str) -> str | None:
        return self._urls.get(link_id)

    async def add(self, url: str) -> Link:
        link = Link(new_id(), url, datetime.now(UTC))
        try:
            async with asyncio.timeout(SECONDS):
                return await self._batches.put(link)
        except (OSError, TimeoutError) as error:
            raise Unavailable(f"the link could not be written to disk: {str(error) or 'it took too long'}") from error

    async def _commit(self, links: list[Link]) -> list[Link]:
        lines = self._lines + [_line(link) for link in links]
        await asyncio.to_thread(_replace, self._path, b"{\n" + b",\n".join(lines) + b"\n}\n")
        self._lines = lines
        self._urls.update((link.id, link.url) for link in links)
        return links


def read_links(path: Path) -> list[Link]:
    """The links of a file that a FileStore wrote. Raises OSError, or ValueError with a sentence, for any other file."""
    try:
        items = orjson.loads(path.read_bytes()).items()
        if strange := [link_id for link_id, _ in items if not re.fullmatch(ID, link_id)]:
            raise ValueError(f"{strange[0]!r} is not an id")
        return [Link(key, checked_url(item["url"]), datetime.fromisoformat(item["created_at"])) for key, item in items]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = error if isinstance(error, ValueError) else 'it should hold {"id": {"url": …, "created_at": …}}'
        raise ValueError(f"{path} is not a file of links ({why}). Mend it, or move it away to start anew.") from error


def _line(link: Link) -> bytes:
    return b'  "%s": %s' % (link.id.encode(), orjson.dumps({"url": link.url, "created_at": link.created_at}))


def _replace(path: Path, content: bytes) -> None:
    """The file has the old content or the new, never half of it; once this returns, the new one is there to stay."""
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with scratch.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # only then is the rename itself on disk
    finally:
        os.close(folder)
