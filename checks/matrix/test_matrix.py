"""The failure matrix: each box and link of labs 1 and 2 x each fault, in the runtime that RUNTIME names. After each,
`heal` must bring back a ready stage without a fault in force and with every acknowledged link."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from checks.eventually import eventually
from checks.matrix.stage_fixture import own_stage
from infra.errors import LabError, NotSupported
from infra.runtime.choose import choose
from infra.runtime.protocol import Runtime

DEADLINE = 5.0  # seconds: the contract's bound on every request


@dataclass(frozen=True)
class Stand:
    """A stage with a client, and one link that was acknowledged before any fault."""

    runtime: Runtime
    client: httpx.Client
    link_id: str
    url: str

    def post(self) -> httpx.Response:
        return self.client.post("/links", json={"url": f"https://example.com/matrix/{time.monotonic_ns()}"})

    def get(self) -> httpx.Response:
        return self.client.get(f"/{self.link_id}")

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


@dataclass(frozen=True)
class Row:
    """One cell of the matrix: the fault, on what, and what a client then meets."""

    lab: int
    fault: str
    on: tuple[str, ...]
    meets: Callable[[Stand], None]

    def __str__(self) -> str:
        return f"lab{self.lab}-{self.fault}-{'-'.join(self.on)}"


ROWS = (
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
)


@pytest.fixture(scope="module", params=[1, 2], ids=["lab1", "lab2"])
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    with (
        own_stage(request.param, "matrix") as (runtime, project),
        httpx.Client(base_url=project.base_url, timeout=DEADLINE + 1) as client,
    ):
        url = "https://example.com/acknowledged"
        link = client.post("/links", json={"url": url}).json()
        yield Stand(runtime, client, link["id"], url)


@pytest.fixture
def row(request: pytest.FixtureRequest, stand: Stand) -> Row:
    row: Row = request.param
    return row


def inject(row: Row, runtime: Runtime) -> str:
    """Do it; the reason in words where this runtime cannot."""
    arguments = (*row.on, 0.1) if row.fault == "slow" else row.on
    try:
        getattr(runtime, row.fault)(*arguments)
    except NotSupported as reason:
        return str(reason)
    return ""


def cells() -> list[object]:
    """Each row beside the lab whose stage it needs, so that a stage is brought up once."""
    return [pytest.param(row.lab, row, id=str(row)) for row in ROWS]


@pytest.mark.parametrize(("stand", "row"), cells(), indirect=True)
def test_a_fault_is_met_as_promised_and_healed(stand: Stand, row: Row) -> None:
    runtime = stand.runtime
    obstacle = inject(row, runtime)
    if obstacle:
        assert "RUNTIME=" in obstacle, "a fault that cannot be injected names the runtime that can"
        pytest.skip(f"inconclusive here: {obstacle}")
    try:
        assert runtime.faults(), "a fault in force is told by `lab status`"
        row.meets(stand)
    finally:
        runtime.heal()
    assert runtime.faults() == []
    assert all(box.ready for box in runtime.status() if box.state != "completed")
    assert eventually(lambda: stand.post().status_code == 201, within=DEADLINE), "a write is taken after heal"
    assert stand.get().headers["location"] == stand.url


@pytest.mark.parametrize("stand", [1, 2], indirect=True, ids=["lab1", "lab2"])
def test_a_link_that_is_not_there_cannot_be_cut(stand: Stand) -> None:
    boxes = [box.name for box in stand.runtime.stage.boxes]
    with pytest.raises(LabError) as told:
        stand.runtime.cut(boxes[-1], boxes[-1])
    assert boxes[-1] in str(told.value)
    assert stand.runtime.faults() == []


@pytest.mark.parametrize("stand", [1, 2], indirect=True, ids=["lab1", "lab2"])
def test_the_matrix_leaves_no_box_and_no_link_out(stand: Stand) -> None:
    stage = stand.runtime.stage
    standing = {box.name for box in stage.boxes if box.native.process != "release"}
    for fault in ("kill", "pause", "stop"):
        assert standing == {row.on[0] for row in ROWS if row.fault == fault and row.on[0] in standing}
    links = {(source, target) for source, target, _ in stage.links() if source in standing}
    for fault in ("cut", "slow"):
        assert links == {row.on for row in ROWS if row.fault == fault and row.on[0] in standing}


def test_the_runtime_under_test_is_the_one_asked_for() -> None:
    name, reason = choose(os.environ.get("RUNTIME"))
    assert name == (os.environ.get("RUNTIME") or name)
    assert reason
