"""What the kit remembers of a standing stage between two commands: `.lab/<project>/stage.json`, `faults.json`, `lock`.

Written before anything is started, so that whatever was left half-way up can be found and taken down."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from infra import project as places
from infra.errors import LabError
from infra.own_variables import FILE as OWN_VARIABLES
from infra.project import Project
from infra.runtime.troubles import told


@dataclass(frozen=True)
class Fault:
    """A fault in force: `label` in words, and the runtime verb with its arguments that takes it back."""

    label: str
    undo: str
    arguments: tuple[str, ...] = ()


def save(project: Project, runtime: str) -> None:
    """Remember that `project` stands, or is about to, in that runtime."""
    record = {
        "lab": project.lab,
        "runtime": runtime,
        "app": str(project.app),
        "port": project.port,
        "profiles": sorted(project.profiles),
        "variables": dict(project.variables),
        "copies": project.copies,
    }
    _write(project.folder / "stage.json", record)


def load(name: str) -> tuple[Project, str] | None:
    """The project of that name as last saved and its runtime's name; None when nothing is remembered."""
    path = places.LAB_HOME / name / "stage.json"
    try:
        record = json.loads(path.read_text())
        project = Project(
            name=name,
            lab=record["lab"],
            app=Path(record["app"]),
            port=record["port"],
            profiles=frozenset(record["profiles"]),
            variables=record["variables"],
            copies=record.get("copies"),
        )
        return project, record["runtime"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{path} cannot be read ({error}). Remove that file, then run `make down`.") from error


def forget(project: Project, *, volumes: bool) -> None:
    """Remove the project's state, the lock too, and its data with its passwords if `volumes`. Call it while the
    project is locked.

    The folder goes when nothing is left in it."""
    _remove(project, {"lock"} | (set() if volumes else {"volumes", OWN_VARIABLES}))
    (project.folder / "lock").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        project.folder.rmdir()


def clear(project: Project) -> None:
    """Remove what a stage that stands no more left behind, but keep its data and whoever holds the project."""
    _remove(project, {"lock", "owner", "volumes", OWN_VARIABLES})


def _remove(project: Project, kept: set[str]) -> None:
    for entry in list(project.folder.iterdir()) if project.folder.exists() else []:
        if entry.name not in kept:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)


def faults(project: Project) -> list[Fault]:
    """The faults in force, oldest first."""
    try:
        rows = json.loads((project.folder / "faults.json").read_text())
    except FileNotFoundError:
        return []
    return [Fault(row["label"], row["undo"], tuple(row["arguments"])) for row in rows]


def set_faults(project: Project, now: list[Fault]) -> None:
    _write(project.folder / "faults.json", [asdict(fault) for fault in now])


@contextlib.contextmanager
def locked(project: Project, patience: float = 3.0) -> Iterator[None]:
    """Hold the project for one command at a time. The kernel lets go of the lock when its holder dies.

    Raises LabError when another command still holds it after `patience` seconds."""
    deadline = time.monotonic() + patience
    while (lock := _try_lock(project.folder)) is None:
        if time.monotonic() > deadline:
            holder = _holder(project.folder / "lock")
            raise LabError(
                f"Another lab command (process {holder}) is at work on this stage. Wait for its end, then try again."
            )
        time.sleep(0.02)
    try:
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def standing(project: Project) -> Iterator[None]:
    """Hold a stage that stands, for one command at a time. Raises LabError when none does, also when it was taken down
    while this command waited."""
    must_stand(project)
    with locked(project):
        try:
            must_stand(project)
        except LabError:
            forget(project, volumes=False)  # the lock, which this command has just made anew
            raise
        yield


def must_stand(project: Project) -> None:
    """Raises LabError when no stage of that name is remembered."""
    if not (project.folder / "stage.json").exists():
        raise LabError(f"No stage stands. Bring it up with `make lab-{project.lab}`.")


def _try_lock(folder: Path) -> int | None:
    """A descriptor that holds the lock; None when another has it, or removed the file meanwhile (`forget` does)."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_ino == (folder / "lock").stat().st_ino:
            os.truncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _holder(path: Path) -> str:
    try:
        return path.read_text().strip() or "unknown"
    except OSError:
        return "unknown"


def _write(path: Path, content: object) -> None:
    """Replace the file in one step, so that a reader or a crash never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}.tmp")
    scratch.write_text(json.dumps(content, indent=2))
    scratch.replace(path)


@contextlib.contextmanager
def owned(project: Project) -> Iterator[None]:
    """Mark a stage of a command's own (a check's, an experiment's) as in use for as long as this process lives.

    `lab down` sweeps such stages whose owner is gone. Raises LabError when the folder cannot be written."""
    with contextlib.ExitStack() as held:
        with told():
            project.folder.mkdir(parents=True, exist_ok=True)
            marker = held.enter_context((project.folder / "owner").open("a"))
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def owner_lives(project: Project) -> bool:
    """Whether the command that a stage of its own belongs to is still there."""
    try:
        with (project.folder / "owner").open("a") as marker:
            fcntl.flock(marker, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
