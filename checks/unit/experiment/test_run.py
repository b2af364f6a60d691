"""A whole experiment with a real locust, on a service in a thread; and that nothing outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from checks.eventually import eventually
from checks.unit.experiment.tiny_service import TinyRuntime
from infra.errors import LabError
from infra.experiment.experiment import At, Experiment, Gauge, Load, Tick, run
from infra.experiment.ledger import GONE
from infra.experiment.load.process import load_process
from infra.project import ROOT

SMALL = Load(users=4, seconds=2.0, rate=100.0, write_share=0.3, links=20)


def experiment(load: Load = SMALL, *schedule: At, lab: int = 2) -> Experiment:
    return Experiment("test", lab, "What?", ("A", "B", "C"), lambda timeline: 0, load, schedule, "Because.")


def ran(stage: TinyRuntime, planned: Experiment) -> list[str]:
    said: list[str] = []
    run(planned, stage.as_runtime(), said.append)
    return said


def test_a_run_has_its_requests_its_faults_and_its_audit(stage: TinyRuntime) -> None:
    ticks: list[Tick] = []
    planned = experiment(SMALL, At(1.0, "kill -9 app", lambda it: it.kill("app")))
    timeline = run(planned, stage.as_runtime(), lambda _: None, ticks.append)
    assert 100 <= timeline.count() <= 200 + SMALL.users  # each visitor may begin at once and end on the last moment
    assert timeline.count("ok") == timeline.count()
    writes, reads = timeline.count(name="POST /links"), timeline.count(name="GET /{id}")
    assert writes + reads == timeline.count()
    assert 0.15 < writes / timeline.count() < 0.45
    assert timeline.requests[0].start >= 0
    assert SMALL.seconds - 0.5 < max(request.start for request in timeline.requests) < SMALL.seconds + 1
    (fault,) = timeline.faults
    assert fault.label == "kill -9 app"
    assert fault.start == pytest.approx(1.0, abs=0.2)
    assert timeline.audit is not None
    assert (timeline.audit.acknowledged, timeline.audit.lost) == (SMALL.links + writes, ())
    assert (stage.broken, stage.healed) == (["app"], 1)
    assert ticks[-1].done > 0


def test_popular_links_are_followed_most(stage: TinyRuntime) -> None:
    ran(stage, experiment(replace(SMALL, write_share=0.0, rate=300.0, seconds=2.5)))
    follows = [path for path in stage.service.requests if path.startswith("/link0")]
    assert follows.count("/link000") > 3 * follows.count("/link015")


def test_search_is_asked_where_it_is_wanted(stage: TinyRuntime) -> None:
    timeline = run(experiment(replace(SMALL, search_share=0.5)), stage.as_runtime(), lambda _: None)
    assert timeline.count("ok", "GET /links?url=") > 20
    assert timeline.count("failed") == 0


def test_what_the_service_forgets_is_found_by_the_audit(stage: TinyRuntime) -> None:
    def forget(_: object) -> None:
        stage.service.mistakes.forget = {"link003"}

    planned = replace(experiment(SMALL, At(1.9, "it forgets", forget)))
    stage.heal = lambda: None  # type: ignore[method-assign]  # this mistake outlives healing, as a lost link does
    timeline = run(planned, stage.as_runtime(), lambda _: None)
    assert timeline.audit is not None
    assert [link_id for link_id, _ in timeline.audit.lost] == ["link003"]


def test_a_redirect_to_another_url_is_no_success(stage: TinyRuntime) -> None:
    def respell(_: object) -> None:
        stage.service.mistakes.respell = True

    timeline = run(experiment(SMALL, At(0.5, "respelling", respell)), stage.as_runtime(), lambda _: None)
    errors = {request.error for request in timeline.requests if request.outcome == "failed"}
    assert errors == {"another url in Location"}


def test_a_get_without_an_answer_is_one_failed_request_and_no_hidden_second_try(stage: TinyRuntime) -> None:
    def drop(_: object) -> None:
        stage.service.requests.clear()
        stage.service.mistakes.drop_gets = True

    load = replace(SMALL, write_share=0.0)
    timeline = run(experiment(load, At(1.0, "dropping", drop)), stage.as_runtime(), lambda _: None)
    failed = timeline.count("failed")
    assert failed > 20
    dropped = [path for path in stage.service.requests if path.startswith("/link")]
    assert (
        len(dropped) <= failed + SMALL.links + 2 * SMALL.users
    )  # the audit's reads, and those under way at the switch


def test_a_503_to_a_write_is_unknown_and_looked_up_afterwards(stage: TinyRuntime) -> None:
    def refuse(_: object) -> None:
        stage.service.mistakes.refuse_writes = 503

    timeline = run(experiment(SMALL, At(1.0, "refusing", refuse)), stage.as_runtime(), lambda _: None)
    assert timeline.audit is not None
    assert timeline.audit.unknown == timeline.count("unknown") > 0
    assert timeline.audit.unknown_applied == 0


LAB_3 = replace(SMALL, seconds=3.0, rate=150.0, change_share=0.2, show_share=0.1, key_share=0.5)


def test_lab_3s_visitors_change_delete_and_repeat_and_all_of_it_adds_up(stage: TinyRuntime) -> None:
    def lose_answers(_: object) -> None:
        stage.service.mistakes.lose_answers = 12

    timeline = run(
        experiment(LAB_3, At(1.0, "answers get lost", lose_answers), lab=3), stage.as_runtime(), lambda _: None
    )
    names = {request.name for request in timeline.requests}
    assert {"GET /{id}", GONE, "PATCH /links/{id}", "DELETE /links/{id}", "GET /links/{id}", "POST /links"} <= names
    assert timeline.count("failed") == 0
    assert timeline.audit is not None
    assert timeline.audit.clicks is not None
    assert (timeline.audit.lost, timeline.audit.doubled) == ((), ())
    assert timeline.count("unknown") > timeline.audit.unknown  # some were sent again, and their fate is known
    assert timeline.audit.clicks.exact
    assert timeline.audit.clicks.counted == timeline.audit.clicks.seen > 100


def test_changes_that_the_service_forgets_are_found(stage: TinyRuntime) -> None:
    stage.heal = lambda: None  # type: ignore[method-assign]
    stage.service.mistakes.ignore_changes = True
    timeline = run(experiment(LAB_3, lab=3), stage.as_runtime(), lambda _: None)
    assert timeline.audit is not None
    assert timeline.audit.lost
    assert {request.error for request in timeline.requests if request.name == "GET /{id}"} == {
        "",
        "another url in Location",
    }
    assert timeline.count("failed", GONE) == timeline.count(name=GONE) > 0


def test_keys_that_the_service_ignores_are_found(stage: TinyRuntime) -> None:
    def lose_answers(_: object) -> None:
        stage.service.mistakes.lose_answers = 12

    stage.service.mistakes.ignore_keys = True
    timeline = run(
        experiment(LAB_3, At(1.0, "answers get lost", lose_answers), lab=3), stage.as_runtime(), lambda _: None
    )
    assert timeline.audit is not None
    assert timeline.audit.doubled


@pytest.mark.parametrize(("clicks", "lost", "doubled"), [(0.5, True, False), (2.0, False, True)])
def test_clicks_that_are_lost_or_doubled_are_found(
    stage: TinyRuntime, monkeypatch: pytest.MonkeyPatch, clicks: float, lost: bool, doubled: bool
) -> None:
    monkeypatch.setattr("infra.experiment.clicks._STILL", 0.5)
    stage.service.mistakes.clicks = clicks
    timeline = run(experiment(lab=3), stage.as_runtime(), lambda _: None)
    assert timeline.audit is not None
    found = timeline.audit.clicks
    assert found is not None
    assert (bool(found.lost_beyond), bool(found.doubled)) == (lost, doubled)


def test_gauges_are_read_while_the_load_runs(stage: TinyRuntime) -> None:
    @contextlib.contextmanager
    def opened(runtime: object) -> Iterator[Callable[[], float]]:
        yield lambda: float(len(stage.service.requests))

    gauge = Gauge("asked", "requests a second", opened, rate=True, every=0.1)
    timeline = run(replace(experiment(), gauges=(gauge,)), stage.as_runtime(), lambda _: None)
    values = timeline.gauge("asked").between(0.5, 1.8)
    assert len(values) > 5
    assert 40 < sum(values) / len(values) < 160
    assert timeline.gauge("another").points == ()


def test_a_service_that_refuses_the_first_links_is_told_so(stage: TinyRuntime) -> None:
    stage.service.mistakes.refuse_writes = 422
    with pytest.raises(LabError, match="answered 422"):
        ran(stage, experiment())
    assert stage.healed == 1


def test_a_service_that_gives_no_id_is_told_so(stage: TinyRuntime) -> None:
    stage.service.mistakes.no_id = True
    with pytest.raises(LabError, match='not 201 with an "id"'):
        ran(stage, experiment())


def test_without_one_good_answer_nothing_is_proved(stage: TinyRuntime) -> None:
    """Every request of the load fails, though the links could be made and can be read afterwards."""

    def drop(_: object) -> None:
        stage.service.mistakes.drop_gets = True

    load = replace(SMALL, write_share=0.0, seconds=1.0, users=1, rate=2.0)
    with pytest.raises(LabError, match="not one was answered well"):
        ran(stage, experiment(load, At(0.0, "dropping", drop)))


def test_a_fault_that_cannot_be_done_ends_the_run_and_heals(stage: TinyRuntime) -> None:
    def fail(_: object) -> None:
        raise LabError("This machine cannot do that.")

    undone: list[object] = []
    planned = replace(experiment(SMALL, At(0.3, "impossible", fail)), undo=undone.append)
    with pytest.raises(LabError, match="cannot do that"):
        ran(stage, planned)
    assert (stage.healed, len(undone)) == (1, 1)
    assert not _locusts_of(os.getpid())


def test_a_load_that_breaks_says_why(stage: TinyRuntime, tmp_path: Path) -> None:
    broken = tmp_path / "locustfile.py"
    broken.write_text("import nothing_of_that_name")
    with pytest.raises(LabError, match="No module named 'nothing_of_that_name'"):
        ran(stage, experiment(replace(SMALL, locustfile=broken)))


def test_an_entry_past_the_loads_end_waits_for_that_end(stage: TinyRuntime) -> None:
    seen: list[int] = []
    planned = experiment(replace(SMALL, seconds=1.0), At(1.1, "afterwards", lambda _: seen.append(len(_locusts_of()))))
    timeline = run(planned, stage.as_runtime(), lambda _: None)
    assert seen == [0]
    assert timeline.faults[0].start > 1.0


def test_ctrl_c_in_the_middle_ends_the_load_and_heals(stage: TinyRuntime) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(experiment(SMALL, At(0.5, "Ctrl-C", interrupt)), stage.as_runtime(), said.append)
    assert said[-1] == "interrupted; mending what is broken first"
    assert stage.healed == 1
    assert not _locusts_of(os.getpid())


def test_a_second_ctrl_c_does_not_stop_the_healing(stage: TinyRuntime) -> None:
    before = signal.getsignal(signal.SIGINT)

    def heal() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        stage.healed += 10

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    stage.heal = heal  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        ran(stage, experiment(SMALL, At(0.2, "Ctrl-C", interrupt)))
    assert stage.healed == 10
    assert signal.getsignal(signal.SIGINT) == before


RUNNER = """
    import sys
    from pathlib import Path
    from checks.unit.experiment.test_run import SMALL, experiment
    from checks.unit.experiment.tiny_service import TinyRuntime, TinyService
    from infra.experiment.experiment import At, run
    stage = TinyRuntime(TinyService())
    at = At(0.3, "tell", lambda _: print("loading", flush=True))
    run(experiment(SMALL, at), stage.as_runtime(), lambda _: None)
"""


def test_when_the_runner_is_killed_its_load_goes_and_takes_its_files() -> None:
    before = set(Path(tempfile.gettempdir()).glob("lab-load-*"))
    runner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(RUNNER)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "loading\n"
        (locust,) = _locusts_of(runner.pid)
        (folder,) = (Path(word).parent for word in locust.cmdline() if word.endswith("events.jsonl"))
        assert folder not in before
    finally:
        runner.kill()
        runner.wait()
        if runner.stdout is not None:
            runner.stdout.close()
    assert eventually(lambda: not locust.is_running() or locust.status() == psutil.STATUS_ZOMBIE, within=5)
    assert not folder.exists()


def test_a_load_process_is_gone_when_its_block_is_left(tmp_path: Path) -> None:
    with load_process(["--headless", "--host", "http://127.0.0.1:9"], tmp_path / "said") as process:
        assert process.running
    assert not process.running


def _locusts_of(parent: int | None = None) -> list[psutil.Process]:
    """The locusts that this process, or `parent`, has started and that live."""
    children = psutil.Process(parent or os.getpid()).children(recursive=True)
    return [
        child for child in children if child.status() != psutil.STATUS_ZOMBIE and "locust" in " ".join(child.cmdline())
    ]
