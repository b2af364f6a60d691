"""The native HAProxy with the stages' own configuration: whom it sends a request, and what it answers by itself."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from checks.unit.infra.helpers import soon
from checks.unit.native import free_port, plan_for, running
from infra.balancer import ADMIN_PORT, Balancer
from infra.boxes import haproxy
from infra.boxes.haproxy import HaproxyBox
from infra.boxes.native import Plan
from infra.compose.box import Box, NativeBox
from infra.errors import LabError
from infra.project import COMPOSE_FILE, ROOT
from infra.runtime.ports import is_free
from infra.stage import read_stage

CONFIGURATION = {"/usr/local/etc/haproxy": ROOT / "infra" / "config"}


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is gone, such as a balancer at the end of a test, is none."""


@dataclass
class Copy:
    """A copy of a service: it answers GETs with its name, unless its manners say otherwise."""

    name: str
    ready: int = 200
    manners: str = ""  # "hang", "drop", or a status
    asked: list[str] = field(default_factory=list)
    forwarded: str | None = None

    def serve(self) -> ThreadingHTTPServer:
        copy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/readyz":
                    self.answer(copy.ready)
                elif self.path == "/healthz":
                    self.answer(200)
                else:
                    copy.asked.append(self.command)
                    copy.forwarded = self.headers["X-Forwarded-For"]
                    self.misbehave()

            do_POST = do_GET  # noqa: N815 - the base class names it so

            def misbehave(self) -> None:
                if copy.manners == "hang":
                    time.sleep(6)
                if copy.manners in ("hang", "drop"):
                    self.close_connection = True
                    return
                self.answer(int(copy.manners or 200))

            def answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(copy.name)))
                self.end_headers()
                self.wfile.write(copy.name.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                """Silence."""

        server = Server(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server


def plan_before(copies: list[int], folder: Path) -> Plan:
    """The balancer's plan, with the copies at those ports of this machine."""
    described = read_stage(COMPOSE_FILE, frozenset({"lab-4"}), {}).box("balancer")
    box = replace(described, environment={**described.environment, **addresses(copies)})
    plan = plan_for(box, folder, {**box.environment, "HOST": "127.0.0.1"}, *(port.target for port in box.ports))
    return replace(plan, folders=CONFIGURATION)


def addresses(copies: list[int]) -> dict[str, str]:
    return {f"COPY_{n}": f"127.0.0.1:{port}" for n, port in enumerate([*copies, *[1] * (6 - len(copies))], 1)}


@dataclass
class Stand:
    plan: Plan
    copies: list[Copy]
    balancer: Balancer

    def ask(self, method: str, path: str = "/x") -> httpx.Response:
        url = f"http://127.0.0.1:{self.plan.port}{path}"
        return httpx.request(method, url, headers={"X-Forwarded-For": "6.6.6.6"}, timeout=7.0)

    def asked(self) -> list[int]:
        return [len(copy.asked) for copy in self.copies]


def settled(balancer: Balancer, up: int) -> bool:
    """Whether it knows by now that the first `up` copies are there and the others are not."""
    return [copy.state for copy in balancer.copies().values()] == ["UP"] * up + ["DOWN"] * (6 - up)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """Three copies behind a balancer, all of them ready."""
    copies = [Copy(f"app-{number}") for number in (1, 2, 3)]
    with ExitStack() as held:
        servers = [copy.serve() for copy in copies]
        for server in servers:
            held.callback(server.server_close)
            held.callback(server.shutdown)
        plan = plan_before([server.server_address[1] for server in servers], tmp_path)
        held.enter_context(running(plan))
        balancer = Balancer("127.0.0.1", plan.ports[ADMIN_PORT])
        soon(lambda: settled(balancer, 3))
        yield Stand(plan, copies, balancer)


@pytest.mark.parametrize("balance", ["roundrobin", "leastconn", "uri whole"])
def test_the_configuration_is_valid_with_each_way_to_choose(tmp_path: Path, balance: str) -> None:
    plan = plan_before([], tmp_path)
    words = HaproxyBox().command(plan)
    assert words is not None
    environment = {**plan.environment, "BALANCE": balance}
    done = subprocess.run([*words, "-c"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_each_copy_has_its_turn_and_learns_the_clients_address(stand: Stand) -> None:
    assert {stand.ask("GET").content for _ in range(9)} == {b"app-1", b"app-2", b"app-3"}
    assert sum(stand.asked()) == 9
    assert {copy.forwarded for copy in stand.copies} == {"127.0.0.1"}


@pytest.mark.parametrize("manners", ["drop", "hang"])
def test_a_get_without_an_answer_is_sent_to_another_copy_and_a_post_is_not(stand: Stand, manners: str) -> None:
    stand.copies[0].manners = manners
    assert [stand.ask("GET").status_code for _ in range(6)] == [200] * 6
    assert stand.asked()[0] > 0
    posts = [stand.ask("POST")]
    while posts[-1].status_code == 200 and len(posts) < 30:
        posts.append(stand.ask("POST"))
    assert (posts[-1].status_code, posts[-1].headers["Retry-After"]) == (503, "1")
    assert sum(copy.asked.count("POST") for copy in stand.copies) == len(posts)


def test_what_a_copy_answers_goes_through_as_it_is(stand: Stand) -> None:
    for copy in stand.copies:
        copy.manners = "500"
    assert stand.ask("GET").status_code == 500
    assert sum(stand.asked()) == 1


def test_who_fails_again_and_again_is_left_out_for_a_moment(stand: Stand, tmp_path: Path) -> None:
    stand.copies[1].manners = "drop"
    log = tmp_path / "log"
    with ThreadPoolExecutor(12) as pool:

        def left_out() -> bool:
            """Asked by many at once: a health check that goes well in between would begin the count anew."""
            assert all(answer.status_code == 200 for answer in pool.map(stand.ask, ["GET"] * 24))
            return "copies/app-2 is DOWN" in log.read_text()

        soon(left_out, within=60)
    assert "3 consecutive errors" in log.read_text()
    stand.copies[1].manners = ""
    soon(lambda: stand.balancer.copies()["app-2"].state == "UP", within=60)


def test_a_copy_that_is_not_ready_gets_nothing_until_none_is(stand: Stand) -> None:
    stand.copies[0].ready = 503
    soon(lambda: stand.balancer.copies()["app-1"].state == "DOWN")
    assert [stand.ask("GET").status_code for _ in range(4)] == [200] * 4
    assert stand.asked()[0] == 0
    for copy in stand.copies:
        copy.ready = 503
    soon(lambda: all(copy.state == "DOWN" for copy in stand.balancer.copies().values()))
    assert stand.ask("GET", "/healthz").status_code == 200
    assert [stand.ask("GET").status_code for _ in range(3)] == [200] * 3
    assert stand.asked()[0] > 0


def expect_problem(status: int, kind: str | None, body: bytes) -> None:
    """Its own answers are problem documents, which name their status."""
    assert kind == "application/problem+json"
    assert json.loads(body)["status"] == status


def test_without_any_copy_it_says_so_as_the_service_would(tmp_path: Path) -> None:
    plan = plan_before([free_port() for _ in range(3)], tmp_path)
    lonely = replace(plan, box=replace(plan.box, native=NativeBox("haproxy")))
    with running(lonely):
        soon(lambda: not is_free(plan.port))
        for method in ("GET", "POST"):
            answer = Stand(plan, [], Balancer("127.0.0.1", 0)).ask(method)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            expect_problem(503, answer.headers["Content-Type"], answer.content)
        assert "GET /readyz answered 503" in HaproxyBox().obstacle(plan)


def test_what_is_no_request_and_what_never_comes_is_told_so(stand: Stand) -> None:
    """In HAProxy's own words: it has refused them before its configuration counts."""
    for sent, status in ((b"nonsense\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: x\r\n", 408)):
        with socket.create_connection(("127.0.0.1", stand.plan.port), timeout=5.0) as wire:
            wire.sendall(sent)
            with http.client.HTTPResponse(wire) as answer:
                answer.begin()
                assert answer.status == status


def test_it_finishes_what_is_in_flight_before_it_ends(tmp_path: Path) -> None:
    copy = Copy("app-1", manners="hang")
    server = copy.serve()
    plan = plan_before([server.server_address[1]], tmp_path)
    with ExitStack() as held:
        process = held.enter_context(running(plan))
        pool = held.enter_context(ThreadPoolExecutor(1))
        soon(lambda: settled(Balancer("127.0.0.1", plan.ports[ADMIN_PORT]), 1))
        answer = pool.submit(Stand(plan, [copy], Balancer("127.0.0.1", 0)).ask, "POST")
        soon(lambda: copy.asked)
        copy.manners = ""
        began = time.monotonic()
        process.ask_to_end(HaproxyBox.stop_signal, leader_only=True)
        assert answer.result().status_code == 503  # the copy hangs up after the deadline, and the client is told
        assert process.wait(3.0)
        assert time.monotonic() - began > 2.0
    server.shutdown()
    server.server_close()


def test_a_machine_without_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/opt/haproxy")
    assert haproxy.program() == ("/opt/haproxy", {})
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(LabError, match="brew install haproxy"):
        haproxy.program()


def test_its_prompt_sends_each_line(stand: Stand) -> None:
    words = HaproxyBox().client(stand.plan)
    done = subprocess.run(words, input="show info\nnonsense\n", capture_output=True, text=True, check=True)
    assert "Name: HAProxy" in done.stdout
    assert "Unknown command: 'nonsense'" in done.stdout
    assert HaproxyBox().client_inside(Box("balancer", (), frozenset(), {}, (), (), (), {}, NativeBox("haproxy")))
