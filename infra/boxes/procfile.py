"""A process of an app folder's Procfile: the service, its schema step, its one-off tools. Ready when HTTP says so."""

from __future__ import annotations

import http.client
import re
from pathlib import Path

from infra.boxes.native import Plan
from infra.boxes.plain import PlainBox
from infra.compose.box import Box
from infra.errors import LabError
from infra.procfile import read_procfile

_SEVERAL_COMMANDS = re.compile(r"[;&|<>()`\n]|^\s*[A-Za-z_][A-Za-z0-9_]*=")


class ProcfileBox(PlainBox):
    """See NativeBox."""

    def variables(self, port: int) -> dict[str, str]:
        return {"HOST": "127.0.0.1", "PORT": str(port)}

    def command(self, plan: Plan) -> list[str] | None:
        """The Procfile's line in a shell. Raises LabError when the app lacks a process that it must have."""
        process = plan.box.native.process or "web"
        line = read_procfile(plan.app).get(process)
        if line is None and plan.box.step:
            return None
        if line is None:
            raise LabError(f"{plan.app / 'Procfile'} has no `{process}` process. Add a line `{process}: …` to it.")
        return ["sh", "-c", shell_line(line), "sh"]

    def folder(self, plan: Plan) -> Path:
        return plan.app

    def obstacle(self, plan: Plan) -> str:
        return http_obstacle(plan)

    def client(self, plan: Plan) -> list[str]:
        raise LabError(
            f"{plan.box.name} speaks HTTP and has no client of its own. Try: curl -i http://127.0.0.1:{plan.port}/"
        )

    def client_inside(self, box: Box) -> list[str]:
        raise LabError(f"{box.name} has no client of its own. Try `lab logs {box.name}`, or curl.")

    def can_fill(self) -> str:
        return ""


def http_obstacle(plan: Plan) -> str:
    """Why the box's ready path does not answer 200; empty when it does, or when there is none to ask."""
    path = plan.box.native.ready
    if path is None:
        return ""
    connection = http.client.HTTPConnection("127.0.0.1", plan.port, timeout=2.0)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"GET {path} got no answer ({error or type(error).__name__})"
    finally:
        connection.close()
    return "" if status == 200 else f"GET {path} answered {status}"


def shell_line(line: str) -> str:
    """The line with the arguments of the shell behind it. A single command replaces its shell, so that signals reach
    it; several of them (`a && b`) must keep theirs."""
    return f'{line} "$@"' if _SEVERAL_COMMANDS.search(line) else f'exec {line} "$@"'
