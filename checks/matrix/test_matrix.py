"""The failure matrix: each box and link of a lab x each fault, in the runtime that RUNTIME names. After each, `heal`
must bring back a ready stage without a fault in force and with every acknowledged link."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from checks.eventually import eventually
from checks.matrix.record import Cell
from checks.matrix.stage_fixture import own_stage
from infra.commands.context import LABS
from infra.errors import LabError, NotSupported
from infra.failover.change import PATIENCE
from infra.failover.cluster import LEADER, REPLICA, SYNCHRONOUS, look
from infra.own_variables import of_lab
from infra.project import COMPOSE_FILE
from infra.runtime.choose import choose
from infra.runtime.protocol import Runtime
from infra.stage import read_stage
from labs.lab5_failover.strikes import until_whole

DEADLINE = 5.0  # seconds: the contract's bound on every request


@dataclass(frozen=True)
class Stand:
    """A stage with a client, and one link that was acknowledged before any fault."""

    lab: int
    runtime: Runtime
    client: httpx.Client
    link_id: str
    url: str

    def post(self) -> httpx.Response:
        return self.client.post("/links", json={"url": f"https://example.com/matrix/{time.monotonic_ns()}"})

    def get(self) -> httpx.Response:
        return self.client.get(f"/{self.link_id}")

    def patch(self, link_id: str, url: str) -> httpx.Response:
        return self.client.patch(f"/links/{link_id}", json={"url": url})

    def can_change(self, link_id: str) -> bool:
        """Whether a change is taken; one whose cache answers late on a busy machine may be asked for again."""
        return eventually(
            lambda: self.patch(link_id, "https://example.com/changed").status_code == 200, within=DEADLINE
        )

    def healthz(self) -> httpx.Response:
        return self.client.get("/healthz")


def refused(stand: Stand) -> None:
    """Nobody listens: the client is told at once."""
    with pytest.raises(httpx.TransportError):
        stand.get()


def silent(stand: Stand) -> None:
    """The connection stands and nothing comes."""
    with pytest.raises(httpx.TimeoutException):
        stand.client.get(f"/{stand.link_id}", timeout=1.0)


def unavailable(stand: Stand) -> None:
    """The service lives and says that it cannot serve: 503 with Retry-After, in time."""
    for answer in (stand.post(), stand.get()):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.elapsed.total_seconds() < DEADLINE
    assert stand.healthz().status_code == 200


def reads_only(stand: Stand) -> None:
    """No write is taken, and the links there are go on being served."""
    answer = stand.post()
    assert answer.status_code == 503, answer.text
    assert "retry-after" in answer.headers
    assert stand.get().headers["location"] == stand.url


def slower(stand: Stand) -> None:
    """Every answer still comes, at least the delay later."""
    answer = stand.post()
    assert answer.status_code == 201, answer.text
    assert answer.elapsed.total_seconds() >= 0.2  # 0.1 s each way


def as_ever(stand: Stand) -> None:
    """Nobody who uses the service notices: links are made, followed and changed as quickly as before."""
    began = time.monotonic()
    made = stand.post()
    assert made.status_code == 201, made.text
    assert stand.get().headers["location"] == stand.url
    assert stand.can_change(made.json()["id"])
    followed = stand.client.get(f"/{made.json()['id']}")
    assert followed.headers["location"] == "https://example.com/changed"
    assert time.monotonic() - began < DEADLINE


def changes_nothing(stand: Stand) -> None:
    """Without the cache links are made and followed; none is changed, as an old redirect might outlive that."""
    made = stand.post()
    assert made.status_code == 201, made.text
    assert stand.get().headers["location"] == stand.url
    refused = (stand.patch(stand.link_id, "https://example.com/changed"), stand.client.get("/stats/top"))
    for answer in refused:
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.elapsed.total_seconds() < DEADLINE
    assert stand.get().headers["location"] == stand.url


def goes_on(stand: Stand) -> None:
    """Links are made and followed in time, by whichever way."""
    for _ in range(3):
        made, followed = stand.post(), stand.get()
        assert made.status_code == 201, made.text
        assert followed.headers["location"] == stand.url
        assert max(made.elapsed, followed.elapsed).total_seconds() < DEADLINE


def cached_only(stand: Stand) -> None:
    """What was asked for lately is still followed, whatever else needs the database is told so."""
    assert stand.get().headers["location"] == stand.url
    for answer in (stand.post(), stand.client.get("/unknown")):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.elapsed.total_seconds() < DEADLINE
    assert stand.healthz().status_code == 200


def by_another(stand: Stand) -> None:
    """The other copies serve: each link is followed in time, and a write is taken, at worst when it is sent again."""
    for _ in range(6):
        followed = stand.get()
        assert followed.headers["location"] == stand.url
        assert followed.elapsed.total_seconds() < DEADLINE
    assert eventually(lambda: stand.post().status_code == 201, within=2 * DEADLINE)


def another_leads(stand: Stand) -> None:
    """What was followed before is followed still; writes are told 503 until another node leads, and taken then."""
    assert stand.get().headers["location"] == stand.url
    assert eventually(lambda: _refused_or_taken(stand) == 201, within=PATIENCE)  # the lease of 20 s, and a busy machine
    assert stand.get().headers["location"] == stand.url


def _refused_or_taken(stand: Stand) -> int:
    """A write that hangs at a node may be cut short by the balancer, which says 503 as well."""
    answer = stand.post()
    assert answer.status_code in (201, 503), answer.text
    assert answer.elapsed.total_seconds() < DEADLINE
    return answer.status_code


@dataclass(frozen=True)
class Row:
    """One cell of the matrix: the fault, on what, and what a client then meets."""

    lab: int
    fault: str
    on: tuple[str, ...]
    meets: Callable[[Stand], None]

    def __str__(self) -> str:
        return f"lab{self.lab}-{self.fault}-{'-'.join(self.on)}"


ROWS = (  # a lab after the other: each stands once
    Row(1, "kill", ("app-lab1",), refused),
    Row(1, "stop", ("app-lab1",), refused),
    Row(1, "pause", ("app-lab1",), silent),
    Row(1, "fill", ("app-lab1",), reads_only),
    Row(2, "kill", ("app-lab2",), refused),
    Row(2, "stop", ("app-lab2",), refused),
    Row(2, "pause", ("app-lab2",), silent),
    Row(2, "kill", ("postgres",), unavailable),
    Row(2, "stop", ("postgres",), unavailable),
    Row(2, "pause", ("postgres",), unavailable),
    Row(2, "cut", ("app-lab2", "postgres"), unavailable),
    Row(2, "slow", ("app-lab2", "postgres"), slower),
    Row(3, "kill", ("app-lab3",), refused),
    Row(3, "stop", ("app-lab3",), refused),
    Row(3, "pause", ("app-lab3",), silent),
    *(Row(3, fault, ("postgres",), cached_only) for fault in ("kill", "stop", "pause")),
    *(Row(3, fault, ("redis",), changes_nothing) for fault in ("kill", "stop", "pause")),
    *(Row(3, fault, ("kafka",), as_ever) for fault in ("kill", "stop", "pause")),
    *(Row(3, fault, ("worker",), as_ever) for fault in ("kill", "stop", "pause")),
    *(Row(3, fault, ("outbox",), as_ever) for fault in ("kill", "stop", "pause")),
    *(Row(3, "kill", (box,), as_ever) for box in ("toplist", "audit")),
    Row(3, "cut", ("app-lab3", "postgres"), cached_only),
    Row(3, "cut", ("app-lab3", "redis"), changes_nothing),
    Row(3, "cut", ("app-lab3", "kafka"), as_ever),
    Row(3, "slow", ("app-lab3", "postgres"), slower),
    Row(3, "slow", ("app-lab3", "redis"), goes_on),
    Row(3, "slow", ("app-lab3", "kafka"), as_ever),
    *(Row(3, fault, ("worker", server), as_ever) for fault in ("cut", "slow") for server in ("kafka", "postgres")),
    *(Row(3, "cut", ("outbox", server), as_ever) for server in ("kafka", "postgres", "redis")),
    *(Row(3, "cut", ("toplist", server), as_ever) for server in ("kafka", "redis")),
    *(Row(3, "cut", ("audit", server), as_ever) for server in ("kafka", "postgres")),
    Row(4, "kill", ("balancer",), refused),
    Row(4, "stop", ("balancer",), refused),
    Row(4, "pause", ("balancer",), silent),
    *(Row(4, fault, ("app-2",), by_another) for fault in ("kill", "stop", "pause", "drain")),
    Row(4, "cut", ("balancer", "app-2"), by_another),
    Row(4, "slow", ("balancer", "app-2"), goes_on),
    Row(4, "cut", ("app-2", "postgres"), by_another),
    Row(4, "slow", ("app-2", "postgres"), goes_on),
    Row(4, "kill", ("wal-archive",), as_ever),
    Row(4, "cut", ("wal-archive", "postgres"), as_ever),
    # Lab 5's nodes by what they are when the fault begins.
    *(Row(5, fault, ("leader",), another_leads) for fault in ("kill", "stop", "pause")),
    *(Row(5, fault, ("synchronous",), another_leads) for fault in ("kill", "stop", "pause")),
    *(Row(5, fault, ("replica",), goes_on) for fault in ("kill", "stop", "pause")),
    *(Row(5, fault, ("etcd",), as_ever) for fault in ("kill", "stop", "pause")),
    *(Row(5, "cut", (node, "etcd"), as_ever) for node in ("leader", "synchronous", "replica")),
    Row(5, "cut", ("synchronous", "leader"), another_leads),
    *(Row(5, "cut", pair, as_ever) for pair in (("replica", "leader"), ("replica", "synchronous"))),
    *(Row(5, "slow", (node, "etcd"), as_ever) for node in ("leader", "synchronous", "replica")),
    *(Row(5, "slow", ("synchronous", node), goes_on) for node in ("leader", "replica")),
    Row(5, "slow", ("replica", "leader"), goes_on),
    *(Row(5, "cut", ("app-2", node), by_another) for node in ("leader", "synchronous", "replica")),
    *(Row(5, "slow", ("app-2", node), goes_on) for node in ("leader", "synchronous", "replica")),
    *(Row(5, "cut", (box, "leader"), as_ever) for box in ("worker", "outbox", "audit")),
    Row(5, "slow", ("worker", "leader"), as_ever),
)
# Lab 3's consumers end, stop and wait alike: one of them stands for the others, and each link counts that one uses. For
# the archive nobody waits, however it ends.
ALIKE = {"toplist", "audit", "wal-archive"}
NODE = "a node of lab 5"
UNUSED = {("worker", "redis"), ("toplist", "postgres"), ("toplist", NODE), ("audit", "redis")}
# A copy of lab 4 is like the others, and what it meets at the servers behind it alone is as in lab 3.
COPIES = {"app-1", "app-2", "app-3"}
AS_IN_LAB_3 = {("app-2", "redis"), ("app-2", "kafka")}
ROLES = (LEADER, SYNCHRONOUS, REPLICA)


@contextlib.contextmanager
def stand_of(lab: int) -> Iterator[Stand]:
    with (
        own_stage(lab, "matrix") as (runtime, project),
        httpx.Client(base_url=project.base_url, timeout=DEADLINE + 1) as client,
    ):
        url = "https://example.com/acknowledged"
        link = client.post("/links", json={"url": url}).json()
        yield Stand(lab, runtime, client, link["id"], url)


@pytest.fixture(scope="module")
def stands() -> Iterator[Callable[[int], Stand]]:
    """The stand of a lab. One stage stands at a time: that of the lab asked for last, once for all of its rows."""
    with contextlib.ExitStack() as held:
        now: list[Stand] = []

        def of(lab: int) -> Stand:
            if not now or now[0].lab != lab:
                now.clear()
                held.close()
                now.append(held.enter_context(stand_of(lab)))
            return now[0]

        yield of


def inject(row: Row, runtime: Runtime) -> str:
    """Do it; the reason in words where this runtime cannot."""
    on = [struck(name, runtime) for name in row.on]
    try:
        getattr(runtime, row.fault)(*on, *([0.1] if row.fault == "slow" else []))
    except NotSupported as reason:
        return str(reason)
    return ""


def struck(name: str, runtime: Runtime) -> str:
    """The box of that name; of lab 5's nodes the one that is such now."""
    if name not in ROLES:
        return name
    until_whole(runtime)
    return next(node.name for node in look(runtime).nodes.values() if node.role == name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "row" in metafunc.fixturenames:
        metafunc.parametrize("row", rows(), ids=str)


def rows() -> list[Row]:
    """All where MATRIX=all says so, as `make matrix` does. Else a sample where a row takes long: of lab 5 each fault
    once, on what the table names first; in containers so of the newest lab only that has the fault, up to lab 4: lab
    5's nodes have a test of their own there (checks/unit/docker/lab5)."""
    if os.environ.get("MATRIX") == "all":
        return list(ROWS)
    newest = {row.fault: row.lab for row in ROWS if row.lab < 5}
    first = {(row.lab, row.fault): row for row in reversed(ROWS)}
    sample = [row for row in ROWS if first[row.lab, row.fault] is row]
    if os.environ.get("RUNTIME") == "docker":
        return [row for row in sample if newest[row.fault] == row.lab]
    return [row for row in ROWS if row.lab < 5 or row in sample]


def test_a_fault_is_met_as_promised_and_healed(stands: Callable[[int], Stand], row: Row) -> None:
    stand = stands(row.lab)
    runtime = stand.runtime
    assert stand.get().status_code == 302
    cell = Cell(row.lab, f"{row.fault} {' and '.join(row.on)}", (row.meets.__doc__ or "").strip(), runtime.name)
    obstacle = inject(row, runtime)
    if obstacle:
        assert "RUNTIME=" in obstacle, "a fault that cannot be injected names the runtime that can"
        cell.impossible(obstacle)
        pytest.skip(f"inconclusive here: {obstacle}")
    try:
        with cell.met(str(stand.client.base_url), stand.link_id):
            assert runtime.faults(), "a fault in force is told by `lab status`"
            row.meets(stand)
    finally:
        cell.healed(runtime.heal)
    assert runtime.faults() == []
    assert [(box.name, box.detail) for box in runtime.status() if not (box.ready or box.state == "completed")] == []
    assert eventually(lambda: stand.post().status_code == 201, within=DEADLINE), "a write is taken after heal"
    if row.lab >= 3:
        assert stand.can_change(stand.post().json()["id"]), "a change is taken after heal"
    assert stand.get().headers["location"] == stand.url


def test_a_link_that_is_not_there_cannot_be_cut(stands: Callable[[int], Stand]) -> None:
    stand = stands(rows()[-1].lab)  # it stands already
    boxes = [box.name for box in stand.runtime.stage.boxes]
    with pytest.raises(LabError) as told:
        stand.runtime.cut(boxes[-1], boxes[-1])
    assert boxes[-1] in str(told.value)
    assert stand.runtime.faults() == []


def boxes_and_links(lab: int) -> tuple[set[str], set[tuple[str, str]]]:
    """Whatever can be struck in that lab; one copy stands for all."""
    stage = read_stage(COMPOSE_FILE, frozenset({f"lab-{lab}"}), of_lab(lab))
    standing = {box.name for box in stage.boxes if not box.step}
    links = {(source, target) for source, target, _ in stage.links() if source in standing}
    others = COPIES - {"app-2"}
    return standing - others, {link for link in links if not others & set(link)} - UNUSED


@pytest.mark.parametrize("lab", LABS)
def test_the_matrix_leaves_no_box_and_no_link_out(lab: int) -> None:
    standing, links = boxes_and_links(lab)
    if lab >= 4:
        before = boxes_and_links(lab - 1)
        standing, links = standing - before[0], links - before[1] - AS_IN_LAB_3
    standing, links = {plain(box) for box in standing}, {(plain(one), plain(other)) for one, other in links}
    rows = [row for row in ROWS if row.lab == lab]
    for fault in ("kill", "pause", "stop"):
        hit = {plain(row.on[0]) for row in rows if row.fault == fault}
        assert hit <= standing
        assert standing - hit <= (ALIKE if fault != "kill" else set())
    cut, slowed = ({tuple(map(plain, row.on)) for row in rows if row.fault == fault} for fault in ("cut", "slow"))
    assert cut == links - UNUSED
    assert slowed == {link for link in links - UNUSED if link[0] not in {"outbox", *ALIKE}}


def plain(name: str) -> str:
    """Lab 5's nodes are alike; which of them is struck is said by what it is."""
    return NODE if name in ROLES or name.startswith("pg-") else name


@pytest.mark.parametrize("fault", ["kill", "stop", "pause", "cut"])
def test_the_matrix_strikes_a_node_in_each_role(fault: str) -> None:
    rows = [row for row in ROWS if row.lab == 5 and row.fault == fault]
    others = {other for row in rows for other in row.on} - set(ROLES) if fault == "cut" else {""}
    for other in others - {"worker", "outbox", "audit"}:
        assert {name for row in rows if not other or other in row.on for name in row.on} >= set(ROLES)


def test_the_runtime_under_test_is_the_one_asked_for() -> None:
    name, reason = choose(os.environ.get("RUNTIME"))
    assert name == (os.environ.get("RUNTIME") or name)
    assert reason
