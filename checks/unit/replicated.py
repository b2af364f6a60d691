"""A real primary with a real standby of one's own, which can be held back, for tests of what reads from replicas."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from checks.unit.native import START_SECONDS, free_port
from checks.unit.postgres import IDENTITY, running_postgres
from infra.boxes.postgres import as_ordinary_user, binaries
from infra.runtime.local import process_table as table
from infra.runtime.local.environment import base_environment

FAST = ("-cfsync=off", "-cwal_level=replica", "-cmax_wal_senders=10")


@dataclass
class Server:
    """One Postgres of the pair."""

    url: str
    pid: int

    def ask(self, statement: str) -> str:
        """The first column of the first row, as text."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
        return str(row[0]) if row else ""

    def signal(self, number: signal.Signals) -> None:
        """To all of its processes: SIGSTOP makes a server hang."""
        for process in table.family(self.pid):
            process.send_signal(number)


@dataclass
class Pair:
    primary: Server
    standby: Server

    @property
    def url(self) -> str:
        """Of both, as libpq takes it: the primary first."""
        head, _, tail = self.primary.url.rpartition("127.0.0.1:")
        port, _, database = tail.partition("/")
        other = self.standby.url.rpartition(":")[2].partition("/")[0]
        return f"{head}127.0.0.1:{port},127.0.0.1:{other}/{database}"

    @contextlib.contextmanager
    def held_back(self) -> Iterator[None]:
        """The standby receives what comes, and shows none of it."""
        self.catch_up()
        self.standby.ask("SELECT pg_wal_replay_pause()")
        wait_until(lambda: self.standby.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")
        try:
            yield
        finally:
            self.standby.ask("SELECT pg_wal_replay_resume()")

    def catch_up(self) -> None:
        """Wait until the standby shows all that the primary has by now."""
        end = self.primary.ask("SELECT pg_current_wal_flush_lsn()")
        wait_until(lambda: self.standby.ask(f"SELECT pg_last_wal_replay_lsn() >= '{end}'") == "True")

    @contextlib.contextmanager
    def synchronous(self) -> Iterator[None]:
        """Each commit waits for the standby meanwhile."""
        self._wait_for("standby")
        try:
            yield
        finally:
            self._wait_for("")

    def _wait_for(self, name: str) -> None:
        self.primary.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        self.primary.ask("SELECT pg_reload_conf()")
        if name:
            wait_until(lambda: self.primary.ask("SELECT sync_state FROM pg_stat_replication") == "sync")


@contextlib.contextmanager
def running_pair(folder: Path) -> Iterator[Pair]:
    with running_postgres(folder / "primary", *FAST) as (url, process):
        primary = Server(url, int(process.pid_file.read_text()))
        hba = primary.ask("SHOW hba_file")
        if "replication lab" not in Path(hba).read_text():
            with Path(hba).open("a") as file:
                file.write("host replication lab 127.0.0.1/32 scram-sha-256\n")
            primary.ask("SELECT pg_reload_conf()")
        with running_standby(folder / "standby", primary) as standby:
            yield Pair(primary, standby)


@contextlib.contextmanager
def running_standby(folder: Path, primary: Server) -> Iterator[Server]:
    port, data = free_port(), folder / "data"
    folder.mkdir(parents=True)
    environment = {**base_environment(), "LC_ALL": "C"}
    source = primary.url.rpartition("/")[0] + "/?application_name=standby"
    copy = (str(binaries() / "pg_basebackup"), "-d", source, "-D", str(data), "-R", "-X", "stream", "-c", "fast")
    subprocess.run([*as_ordinary_user(), *copy], env=environment, check=True, capture_output=True, timeout=60)
    settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "hot_standby": "on"}
    words = [f"-c{name}={value}" for name, value in settings.items()]
    command = [*as_ordinary_user(), str(binaries() / "postgres"), "-D", str(data), *words, *FAST]
    head, _, _ = primary.url.rpartition("127.0.0.1:")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    server = Server(f"{head}127.0.0.1:{port}/{IDENTITY['POSTGRES_DB']}", process.pid)
    try:
        wait_until(lambda: primary.ask("SELECT count(*) FROM pg_stat_replication") == "1")
        yield server
    finally:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            server.signal(signal.SIGCONT)
            process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            server.signal(signal.SIGKILL)
            process.wait()


def wait_until(holds: object, within: float = START_SECONDS) -> None:
    """`holds()` may raise psycopg.Error while a server comes up."""
    assert callable(holds)
    deadline = time.monotonic() + within
    while True:
        with contextlib.suppress(psycopg.Error):
            if holds():
                return
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.02)
