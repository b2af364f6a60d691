"""Apache Kafka's jars: named by coordinates and sha256 in kafka.lock, fetched once into the cache, then used offline.

jgo knows where jars are found (its own settings file can name a mirror) and fetches each; nothing is resolved anew."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from infra.boxes.native import Progress
from infra.errors import LabError

_AT_ONCE = 4
_PATIENCE = 20  # seconds without a byte until a download is given up


@dataclass(frozen=True)
class Jar:
    """One line of the lock file. `size` in bytes."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def file(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def locked() -> list[Jar]:
    """The jars in the order of the class path."""
    lines = Path(__file__).with_name("kafka.lock").read_text().splitlines()
    return [_jar(*line.split()) for line in lines if line and not line.startswith("#")]


def _jar(coordinates: str, sha256: str, size: str) -> Jar:
    group, artifact, version = coordinates.split(":")
    return Jar(group, artifact, version, sha256, int(size))


def version() -> str:
    return locked()[0].version


def to_fetch(cache: Path) -> int:
    """Bytes of the jars that are not there yet, or not as they were when they were checked."""
    return sum(jar.size for jar in _wrong(cache / "kafka" / "jars", locked()))


def class_path(cache: Path, progress: Progress) -> list[Path]:
    """The jars as files, fetched now if they are not there or not what the lock says.

    Raises LabError when they cannot be had."""
    folder = cache / "kafka" / "jars"
    jars = locked()
    if not _wrong(folder, jars):
        return [folder / jar.file for jar in jars]
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder, progress):
        wrong = _wrong(folder, jars, look_inside=True)
        if wrong:
            _fetch_all(folder, wrong, progress)
        shutil.rmtree(folder / "fetching", ignore_errors=True)
        marks = {jar.file: _mark(folder / jar.file) for jar in jars}
        scratch = folder / "checked.tmp"
        scratch.write_text(json.dumps(marks))
        scratch.replace(folder / "checked.json")
    return [folder / jar.file for jar in jars]


def _wrong(folder: Path, jars: list[Jar], *, look_inside: bool = False) -> list[Jar]:
    """Those that are missing or differ: from what was checked last, or from the lock itself."""
    checked: dict[str, list[int]] = {}
    with contextlib.suppress(OSError, ValueError):
        checked = json.loads((folder / "checked.json").read_text())

    def right(jar: Jar) -> bool:
        file = folder / jar.file
        if look_inside:
            return file.exists() and _sha256(file) == jar.sha256
        return checked.get(jar.file) is not None and checked[jar.file] == _mark(file)

    return [jar for jar in jars if not right(jar)]


def _mark(file: Path) -> list[int]:
    """What shows cheaply that a file is still the one that was checked; nothing for a missing one."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextlib.contextmanager
def _alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Two stages never fetch at once: the second waits, and then finds the jars."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another stage fetches Kafka's jars just now: this one waits for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _fetch_all(folder: Path, jars: list[Jar], progress: Progress) -> None:
    """Several at a time; what arrived whole stays when this is interrupted."""
    total = sum(jar.size for jar in jars)
    progress(f"Kafka's jars are fetched ({total / 1e6:.0f} MB, this first time only)")
    enough = threading.Event()
    arrived, told = 0, 0
    with ThreadPoolExecutor(_AT_ONCE) as several:
        under_way = {several.submit(_fetch, folder, jar, enough): jar for jar in jars}
        try:
            for done in as_completed(under_way):
                done.result()
                arrived += under_way[done].size
                if arrived * 4 // total > told:
                    told = arrived * 4 // total
                    progress(f"Kafka's jars: {arrived / 1e6:.0f} of {total / 1e6:.0f} MB")
        except BaseException:
            enough.set()
            several.shutdown(wait=True, cancel_futures=True)
            raise


def _fetch(folder: Path, jar: Jar, enough: threading.Event) -> None:
    """One jar, into place only when it is what the lock says. Raises LabError."""
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext, PythonResolver

    scratch = folder / "fetching"
    mirrors = GlobalSettings.load().repositories or None
    resolver = PythonResolver(progress_callback=lambda _name, _size: _stopping(enough))
    context = MavenContext(resolver, repo_cache=scratch, remote_repos=mirrors, timeout=_PATIENCE)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    if artifact.cached_path is not None:
        artifact.cached_path.unlink(missing_ok=True)  # half of it, from an attempt that was killed
    try:
        found = artifact.resolve()
    except (CancelledError, OSError, RuntimeError) as error:
        if isinstance(error, CancelledError):
            raise
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):
            raise  # the disk is full, or another user's: said by whoever knows the machine's troubles
        raise LabError(
            f"Kafka's jars are not on this machine and cannot be fetched ({jar.file}: {type(error).__name__})."
            " Connect it to the network (a proxy is read from HTTPS_PROXY) and try again, or use RUNTIME=docker."
        ) from error
    if _sha256(found) != jar.sha256:
        found.unlink()
        raise LabError(
            f"{jar.file} arrived, but it is not what infra/boxes/kafka.lock says: its sha256 differs."
            " Try again; if it stays so, whatever stands between this machine and the network changes files."
        )
    found.replace(folder / jar.file)


@contextlib.contextmanager
def _stopping(enough: threading.Event) -> Iterator[Callable[[int], None]]:
    """jgo tells of each piece that arrives: there a download that nobody waits for any more ends."""

    def piece(_: int) -> None:
        if enough.is_set():
            raise CancelledError

    yield piece
