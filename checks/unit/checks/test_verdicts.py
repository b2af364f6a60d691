"""How the end of a check becomes a verdict, and the verdicts an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from checks.plugin.verdict import Result, Verdict, exit_code
from checks.unit.checks.conftest import Ran

Run = Callable[..., Ran]

PASSES = '''
def check_good(service):
    """A good thing is so."""
    expect(service.get("/").status == 200, did="Asked.", expected="200", got="")
'''
FAILS = '''
def check_bad(service):
    """A bad thing is not so"""
    answer = service.get("/some?where=1")
    expect(answer.status == 302, did="Asked for a link.", expected="302", got=answer)
'''
OPEN = '''
def check_open(service):
    """A thing that nobody knows"""
    service.get("/")
    inconclusive("the machine dreams")
'''


def test_a_check_that_passes_proves(ran: Run) -> None:
    run = ran(PASSES)
    assert (run.code, [result.verdict for result in run.results]) == (0, ["pass"])
    assert "✓ A good thing is so  (" in run.text
    assert "Lab 1 is proved: 1 passed" in run.text


def test_what_a_learner_has_set_for_pytest_changes_nothing(ran: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-v --durations=3")
    run = ran(PASSES)
    assert (run.code, [result.verdict for result in run.results]) == (0, ["pass"])


def test_a_failure_says_what_a_learner_needs(ran: Run) -> None:
    run = ran(FAILS + PASSES)
    assert run.code == 1
    assert "✗ A bad thing is not so" in run.text
    for words in ("done:      Asked for a link.", "expected:  302", "came back: 200", "the service's last words"):
        assert words in run.text
    assert "request:   curl -i --path-as-is 'http://127.0.0.1:" in run.text
    assert "lab hint 1" in run.text
    assert "Traceback" not in run.text
    assert "Lab 1 is not proved: 1 passed, 1 failed" in run.text


def test_an_open_question_is_neither(ran: Run) -> None:
    run = ran(OPEN + PASSES)
    assert run.code == 75
    assert "? A thing that nobody knows" in run.text
    assert "cannot be decided here: the machine dreams" in run.text


def test_a_fault_that_the_runtime_cannot_inject_leaves_it_open(ran: Run) -> None:
    run = ran("def check_it(service):\n    service.get('/')\n    raise NotSupported('no netem here')\n")
    assert (run.code, run.results[0].verdict, run.results[0].reason) == (75, "inconclusive", "no netem here")


def test_a_failure_outweighs_an_open_question(ran: Run) -> None:
    assert ran(OPEN + FAILS).code == 1


@pytest.mark.parametrize("source", ["service.get('/'); raise ValueError('oops')", "service.get('/'); assert False"])
def test_an_exception_is_a_defect_of_the_check(ran: Run, source: str) -> None:
    run = ran(f"def check_it(service):\n    {source}\n")
    assert run.code == 1
    assert "a defect of the check itself, in check_made_up.py:4" in run.text
    assert "Traceback" not in run.text


def test_no_traffic_proves_nothing(ran: Run) -> None:
    run = ran("def check_it(service):\n    pass\n")
    assert run.code == 1
    assert "none was sent: that proves nothing" in run.text


def test_no_answer_is_a_failure_with_its_request(ran: Run) -> None:
    source = """
    from checks.plugin.service import Service

    def check_it(service):
        service.get("/")
        Service("http://127.0.0.1:9").get("/there")
    """
    run = ran(source)
    assert run.code == 1
    assert "connection refused: nothing listens" in run.text
    assert "curl -i --path-as-is http://127.0.0.1:9/there" in run.text


def test_an_unknown_name_is_a_failure_that_lists_the_names(ran: Run) -> None:
    run = ran(PASSES + FAILS, "nonsense")
    assert (run.code, run.results) == (1, [])
    assert "There is no check of the name nonsense. There are: good, bad." in run.text
    assert "not proved: no check ran" in run.text


def test_a_name_chooses(ran: Run) -> None:
    run = ran(PASSES + FAILS, "good")
    assert (run.code, [result.name for result in run.results]) == (0, ["good"])


def test_a_file_without_checks_is_a_failure(ran: Run) -> None:
    assert ran("").code == 1


def test_a_file_that_cannot_be_read_is_a_failure(ran: Run) -> None:
    run = ran("def check_it(:\n")
    assert run.code == 1
    assert "cannot be read" in run.text


def test_json_is_nothing_but_json(ran: Run) -> None:
    document = json.loads(ran(FAILS + OPEN, as_json=True).text)
    assert (document["lab"], document["verdict"], document["exit_code"]) == (1, "not proved", 1)
    assert [check["verdict"] for check in document["checks"]] == ["fail", "inconclusive"]
    assert document["checks"][0]["request"].startswith("curl")


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [((), 1), (("pass",), 0), (("pass", "fail"), 1), (("pass", "inconclusive"), 75), (("fail", "inconclusive"), 1)],
)
def test_the_exit_code(verdicts: tuple[Verdict, ...], code: int) -> None:
    assert exit_code([Result("name", "title", verdict, 0.0) for verdict in verdicts]) == code
