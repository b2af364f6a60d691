"""How much memory containers use, asked of the engine's socket: `docker stats` itself takes two seconds."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException

from infra.runtime.docker.cli import attempt


def memory(ids: Iterable[str]) -> dict[str, int]:
    """Container id to bytes in use, less the page cache that it could give back, as `docker stats` counts.

    A container of which the engine does not say is left out; all are where the engine has no Unix socket."""
    asked = list(ids)
    endpoint = attempt("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").stdout.strip()
    if not endpoint.startswith("unix://") or not asked:
        return {}
    with ThreadPoolExecutor(len(asked)) as pool:
        counts = list(pool.map(lambda one: _used(endpoint.removeprefix("unix://"), one), asked))
    return {one: count for one, count in zip(asked, counts, strict=True) if count is not None}


class _Engine(HTTPConnection):
    """HTTP over the engine's Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("engine", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _used(path: str, container: str) -> int | None:
    engine = _Engine(path)
    try:
        engine.request("GET", f"/containers/{container}/stats?stream=false&one-shot=true")
        usage = json.load(engine.getresponse())["memory_stats"]
        counted = usage.get("stats", {})
        idle = counted.get("total_inactive_file", counted.get("inactive_file", 0))  # cgroup v1 and v2 name it so
        return max(int(usage["usage"]) - int(idle), 0)
    except (OSError, HTTPException, KeyError, ValueError):
        return None
    finally:
        engine.close()
