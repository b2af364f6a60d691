"""A Postgres node under Patroni as plain processes: one host of lab 5's cluster.

Its name in the cluster is the compose file's (`pg-1:5432`), in both runtimes. Here no name leads anywhere: Patroni is
told where the relay carries each (see patroni_peers)."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from urllib.parse import quote

from infra.boxes.native import Plan
from infra.boxes.plain import PlainBox
from infra.boxes.postgres import as_ordinary_user, binaries
from infra.boxes.scratch import release
from infra.compose.box import Box
from infra.config.patroni import ready
from infra.project import ROOT
from infra.secret_file import write_secret

POSTGRES, REST = 5432, 8008  # ports inside the box
NODE = ROOT / "infra" / "config" / "patroni" / "node"


class PatroniBox(PlainBox):
    """See NativeBox."""

    leader_only = True  # the script hands the signal on to Patroni, which ends Postgres in order
    stop_signal = signal.SIGTERM

    def command(self, plan: Plan) -> list[str] | None:
        plan.work.mkdir(parents=True, exist_ok=True)
        own = {
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{plan.ports[POSTGRES]}",
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{plan.ports[REST]}",
            "PATRONI_POSTGRESQL_BIN_DIR": str(binaries()),
            "PATRONI_POSTGRESQL_PGPASS": str(plan.work / "replication.pgpass"),
            "PATRONI": f"{sys.executable} -m infra.boxes.patroni_peers",
            "PATH": f"{binaries()}{os.pathsep}{plan.environment['PATH']}",
            "LC_ALL": "C",
        }
        settings = [f"{name}={value}" for name, value in own.items()]
        return [*as_ordinary_user(), "env", *settings, "sh", str(NODE)]

    def folder(self, plan: Plan) -> Path:
        return ROOT

    def obstacle(self, plan: Plan) -> str:
        return ready.obstacle(f"http://127.0.0.1:{plan.ports[REST]}")

    def client(self, plan: Plan) -> list[str]:
        secret = plan.work / "pgpass"
        user, password = (plan.environment[f"PATRONI_SUPERUSER_{word}"] for word in ("USERNAME", "PASSWORD"))
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        write_secret(secret, f"*:*:*:*:{escaped}\n")
        database = quote(plan.environment["POSTGRES_DB"], safe="")
        place = f"postgresql://{quote(user, safe='')}@127.0.0.1:{plan.ports[POSTGRES]}/{database}"
        return ["env", f"PGPASSFILE={secret}", str(binaries() / "psql"), place]

    def client_inside(self, box: Box) -> list[str]:
        user = box.environment["PATRONI_SUPERUSER_USERNAME"]
        return ["sh", "-c", f'PGPASSWORD="$PATRONI_SUPERUSER_PASSWORD" exec psql -h 127.0.0.1 -U {user} "$POSTGRES_DB"']

    def tidy(self, plan: Plan) -> None:
        """Remove the shared memory by which a killed Postgres guards its files."""
        release(Path(plan.environment["PATRONI_POSTGRESQL_DATA_DIR"]))

    def can_fill(self) -> str:
        return "Postgres keeps files of 16 MB and more, so a limit on their length would leave it room to write"
