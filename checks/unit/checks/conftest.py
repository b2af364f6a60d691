"""A run of made-up checks on a stage that is a thread: what the plugin makes of them, without a real stage."""

from __future__ import annotations

import io
import textwrap
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from checks.plugin.report import Report
from checks.plugin.run import run_checks
from checks.plugin.stand import Stands
from checks.plugin.verdict import Result
from infra.errors import LabError
from infra.project import Project
from infra.runtime.protocol import BoxStatus, Runtime


class Handler(BaseHTTPRequestHandler):
    """200 to every GET, a redirect that never ends its body at /hang."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Silence."""


@dataclass
class FakeRuntime:
    """A stage that only remembers what was done to it."""

    port: int
    done: list[str] = field(default_factory=list)
    whole: bool = True
    stands: bool = True

    def up(self, progress: Callable[[str], None]) -> None:
        self.done.append("up")
        if not self.stands:
            raise LabError("app ended with exit code 1")

    def down(self, *, volumes: bool = False) -> None:
        self.done.append(f"down {volumes}")

    def heal(self) -> None:
        self.done.append("heal")
        self.whole = True

    def kill(self, box: str) -> None:
        self.whole = False

    def faults(self) -> list[str]:
        return []

    def status(self) -> list[BoxStatus]:
        return [BoxStatus("app", "running" if self.whole else "dead", self.whole, None, None)]

    def logs(self, box: str, *, lines: int = 50) -> str:
        return "the service's last words"


@dataclass
class Ran:
    code: int
    results: list[Result]
    text: str
    done: list[str]


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def ran(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run checks whose bodies are given as source."""
    monkeypatch.setattr("infra.project.LAB_HOME", tmp_path / "lab")

    def run(source: str, *names: str, as_json: bool = False, own: bool = False, stands: bool = True) -> Ran:
        file = tmp_path / "check_made_up.py"
        head = (
            "from checks.plugin.verdict import expect, inconclusive\nfrom infra.errors import LabError, NotSupported\n"
        )
        file.write_text(head + textwrap.dedent(source))
        runtime = FakeRuntime(port, stands=stands)
        fake = cast(Runtime, runtime)
        project = Project(f"unit-checks-{tmp_path.name}", 1, port=port)
        out = io.StringIO()
        report = Report(out, as_json)
        report.begin(1, "local", "shortener", "a stage of the test's")
        opened: Callable[[Project, str], Any] = lambda project, name: fake  # noqa: E731
        given = Stands(project, "local", opened, None if own else fake, report.aside)
        code, results = run_checks(1, names, given, report, (file,))
        return Ran(code, results, out.getvalue(), runtime.done)

    return run
