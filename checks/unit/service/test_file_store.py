"""The file: what was acknowledged is there after a kill at any moment, and a full disk harms nothing."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shortener.lab1_file import file_store
from shortener.lab1_file.file_store import FileStore, read_links
from shortener.lab1_file.links import Link, Unavailable


class Killed(BaseException):
    """Stands for kill -9: no handler of the store's may catch it."""


def add(store: FileStore, *urls: str) -> list[Link]:
    async def together() -> list[Link]:
        return await asyncio.gather(*[store.add(url) for url in urls])

    return asyncio.run(together())


def urls_in(path: Path) -> list[str]:
    return [link.url for link in read_links(path)]


def test_a_link_is_there_after_a_restart(links_file: Path) -> None:
    [link] = add(FileStore(links_file), "https://example.com/a?b=%20|c")
    assert read_links(links_file) == [link]
    assert asyncio.run(FileStore(links_file).find_url(link.id)) == "https://example.com/a?b=%20|c"


def test_the_file_can_be_read_by_a_human(links_file: Path) -> None:
    store = FileStore(links_file)
    for number in range(3):
        add(store, f"https://example.com/{number}")
    assert len(links_file.read_text().splitlines()) == 5
    assert [item["url"][-1] for item in json.loads(links_file.read_bytes()).values()] == ["0", "1", "2"]


def test_posts_of_one_moment_share_a_rewrite(links_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrites: list[bytes] = []
    replace = file_store._replace

    def counted(path: Path, content: bytes) -> None:
        rewrites.append(content)
        replace(path, content)

    monkeypatch.setattr(file_store, "_replace", counted)
    links = add(FileStore(links_file), *[f"https://example.com/{number}" for number in range(100)])
    assert len(rewrites) <= 2
    assert read_links(links_file) == links


def test_a_link_is_not_found_before_it_is_durable(links_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(links_file)
    seen: list[dict[str, str]] = []
    monkeypatch.setattr(file_store, "_replace", lambda *_: seen.append(dict(store._urls)))
    [link] = add(store, "https://example.com/")
    assert seen == [{}]
    assert asyncio.run(store.find_url(link.id)) == "https://example.com/"


STEPS: tuple[tuple[Any, str], ...] = ((os, "fsync"), (Path, "replace"), (os, "open"))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS)
def test_a_kill_at_any_step_leaves_the_old_links_or_the_new(
    links_file: Path, monkeypatch: pytest.MonkeyPatch, owner: object, step: str, when: str
) -> None:
    store = FileStore(links_file)
    add(store, "https://example.com/old")
    real: Callable[..., Any] = getattr(owner, step)

    def killed(*arguments: object) -> None:
        if when == "after":
            real(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, killed)
        with pytest.raises(Killed):
            file_store._replace(links_file, links_file.read_bytes().replace(b"old", b"new"))
    assert urls_in(links_file) in (["https://example.com/old"], ["https://example.com/new"])
    FileStore(links_file)
    assert list(links_file.parent.iterdir()) == [links_file]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO])
def test_a_full_disk_loses_nothing(links_file: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    store = FileStore(links_file)
    [old] = add(store, "https://example.com/old")

    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="could not be written"):
            add(store, "https://example.com/refused")
    assert list(links_file.parent.iterdir()) == [links_file]
    assert asyncio.run(store.find_url(old.id)) == "https://example.com/old"
    add(store, "https://example.com/new")
    assert urls_in(links_file) == ["https://example.com/old", "https://example.com/new"]


def test_a_disk_that_hangs_is_not_waited_for(links_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        store, stuck = FileStore(links_file), asyncio.Event()

        async def hang(*_: object) -> None:
            await stuck.wait()

        monkeypatch.setattr(asyncio, "to_thread", hang)
        with pytest.raises(Unavailable, match="too long"):
            await store.add("https://example.com/")
        stuck.set()

    monkeypatch.setattr(file_store, "SECONDS", 0.05)
    asyncio.run(scenario())


CORRUPT = (
    b"",
    b"[]",
    b"{",
    b'{"abcdefg": 1}',
    b'{"abcdefg": {}}',
    b'{"abcdefg": {"url": "https://example.com/"}}',
    b'{"abcdefg": {"url": 7, "created_at": "2026-01-01T00:00:00+00:00"}}',
    b'{"abcdefg": {"url": "nonsense", "created_at": "2026-01-01T00:00:00+00:00"}}',
    b'{"abcdefg": {"url": "https://example.com/", "created_at": "yesterday"}}',
    b'{"healthz": {"url": "https://example.com/", "created_at": "2026-01-01T00:00:00+00:00"}}',
    b'{"short": {"url": "https://example.com/", "created_at": "2026-01-01T00:00:00+00:00"}}',
)


@pytest.mark.parametrize("content", CORRUPT)
def test_a_corrupt_file_is_refused_and_left_as_it_is(links_file: Path, content: bytes) -> None:
    links_file.write_bytes(content)
    with pytest.raises(ValueError, match="is not a file of links"):
        FileStore(links_file)
    assert links_file.read_bytes() == content


def test_two_stores_on_one_file_lose_each_others_links(links_file: Path) -> None:
    one, other = FileStore(links_file), FileStore(links_file)
    add(one, "https://example.com/one")
    add(other, "https://example.com/other")
    assert urls_in(links_file) == ["https://example.com/other"]
