"""What clients may hear while leaders are struck: the contract's answers, and no more silence than faults explain."""

from __future__ import annotations

import pytest

from checks.lab5.explained import expect_explained
from checks.plugin.verdict import CheckFailed
from infra.experiment.timeline import Outcome, Request

DID = "Struck whoever led."


def get(status: int | None, error: str = "") -> Request:
    outcome: Outcome = "ok" if status == 302 and not error else "failed"
    return Request(1.0, 0.01, "GET /{id}", outcome, status, link_id="a", error=error)


def post(status: int | None, error: str = "") -> Request:
    return Request(1.0, 0.01, "POST /links", "ok" if status == 201 and not error else "unknown", status, error=error)


def test_what_the_contract_knows_is_explained() -> None:
    answers = [get(302), post(201), get(503, "HTTP 503"), post(503, "HTTP 503"), post(429, "HTTP 429")]
    expect_explained(answers, 0, DID)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (get(404, "HTTP 404"), "404 for 1 links, such as a"),
        (get(302, "another url in Location"), "another url in Location"),
        (get(500, "HTTP 500"), "HTTP 500"),
        (post(500, "HTTP 500"), "HTTP 500"),
        (post(502, "HTTP 502"), "HTTP 502"),
        (post(200), "POST /links: 200"),
        (post(201, "201 without an id"), "201 without an id"),
    ],
)
def test_any_other_answer_is_rejected(answer: Request, told: str) -> None:
    with pytest.raises(CheckFailed, match=told):
        expect_explained([get(302), post(201), answer], 10, DID)


def test_more_silence_than_the_faults_explain_is_rejected() -> None:
    silent = [get(None, "timeout"), post(None, "connection lost (BadStatusLine)")]
    expect_explained([get(302), *silent], 2, DID)
    with pytest.raises(CheckFailed, match="2 without an answer"):
        expect_explained([get(302), *silent], 1, DID)
