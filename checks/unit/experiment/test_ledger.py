"""What is acknowledged, failed and unknown, and whether the audit finds what a service lost or changed."""

from __future__ import annotations

import pytest

from checks.unit.experiment.tiny_service import TinyService
from infra.errors import LabError
from infra.experiment.ledger import GONE, Ledger, audit, classify
from infra.experiment.timeline import Outcome, Request

LINKS = [
    ("link000", "https://Example.COM/a?q=%C3%a9"),
    ("link001", "https://example.com/b"),
    ("link002", "http://c.d/"),
]


@pytest.mark.parametrize(
    ("name", "status", "error", "outcome"),
    [
        ("POST /links", 201, "", "ok"),
        ("POST /links", 201, "201 without an id", "unknown"),
        ("POST /links", 302, "", "unknown"),
        ("POST /links", 422, "HTTP 422", "failed"),
        ("POST /links", 429, "HTTP 429", "failed"),
        ("POST /links", 500, "HTTP 500", "unknown"),
        ("POST /links", 503, "HTTP 503", "unknown"),
        ("POST /links", None, "not sent: connection refused", "failed"),
        ("POST /links", None, "timeout", "unknown"),
        ("POST /links", None, "connection lost (ConnectionResetError)", "unknown"),
        ("GET /{id}", 302, "", "ok"),
        ("GET /{id}", 302, "another url in Location", "failed"),
        ("GET /{id}", 404, "HTTP 404", "failed"),
        ("GET /{id}", 503, "HTTP 503", "failed"),
        ("GET /{id}", None, "timeout", "failed"),
        ("GET /links?url=", 200, "", "ok"),
        ("GET /links?url=", 200, "the link is not among the found", "failed"),
        ("PATCH /links/{id}", 200, "", "ok"),
        ("PATCH /links/{id}", 404, "HTTP 404", "failed"),
        ("PATCH /links/{id}", 503, "HTTP 503", "unknown"),
        ("DELETE /links/{id}", 204, "", "ok"),
        ("DELETE /links/{id}", None, "timeout", "unknown"),
        (GONE, 404, "HTTP 404", "ok"),
        (GONE, 302, "", "failed"),
        (GONE, None, "timeout", "failed"),
    ],
)
def test_an_outcome_is_what_the_client_can_know(name: str, status: int | None, error: str, outcome: Outcome) -> None:
    assert classify(name, status, error) == outcome


def test_the_ledger_takes_the_writes_and_leaves_the_reads() -> None:
    ledger = Ledger()
    ledger.enter(
        [
            Request(0, 1, "POST /links", "ok", 201, "u1", "id1"),
            Request(0, 1, "POST /links", "unknown", None, "u2"),
            Request(0, 1, "POST /links", "failed", 422, "u3"),
            Request(0, 1, "GET /{id}", "ok", 302, "u4"),
            Request(0, 1, "GET /{id}", "failed", 404, "u5"),
        ]
    )
    assert (ledger.acknowledged, ledger.unknown) == ([("id1", "u1")], ["u2"])


def test_an_honest_service_has_lost_nothing(service: TinyService) -> None:
    service.links = dict(LINKS)
    result = audit(Ledger(LINKS, ["http://never/"]), service.address, search=True)
    assert (result.acknowledged, result.lost, result.unknown, result.unknown_applied) == (3, (), 1, 0)


def test_a_forgotten_link_is_lost(service: TinyService) -> None:
    service.links = dict(LINKS)
    service.mistakes.forget = {"link001"}
    assert audit(Ledger(LINKS), service.address, search=False).lost == (LINKS[1],)


def test_a_link_to_another_url_is_lost_byte_for_byte(service: TinyService) -> None:
    service.links = dict(LINKS)
    service.mistakes.respell = True
    assert audit(Ledger(LINKS), service.address, search=False).lost == (LINKS[0],)


def test_an_id_that_no_path_can_hold_is_lost(service: TinyService) -> None:
    service.links = dict(LINKS)
    strange = ("a b\r\nX: y", "https://example.com/")
    assert audit(Ledger([LINKS[0], strange]), service.address, search=False).lost == (strange,)


def test_unknown_writes_are_looked_up_where_the_lab_can(service: TinyService) -> None:
    service.links = dict(LINKS)
    unknown = [LINKS[0][1], "http://never/"]
    assert audit(Ledger(LINKS[1:], unknown), service.address, search=True).unknown_applied == 1
    assert audit(Ledger(LINKS[1:], unknown), service.address, search=False).unknown_applied is None


def test_a_503_says_nothing_and_is_asked_again(service: TinyService) -> None:
    service.links = dict(LINKS)
    service.mistakes.unwell = 8
    assert audit(Ledger(LINKS), service.address, search=False).lost == ()
    assert len(service.requests) > 8


def test_without_acknowledged_writes_there_is_nothing_to_prove(service: TinyService) -> None:
    with pytest.raises(LabError, match="nothing to prove"):
        audit(Ledger(), service.address, search=False)


def test_a_service_that_is_gone_is_not_called_forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.experiment.ledger._PATIENCE", 0.2)
    gone = TinyService()
    gone.close()
    with pytest.raises(LabError, match="does not answer after the stage was healed"):
        audit(Ledger(LINKS), gone.address, search=False)


def test_an_audit_ends_in_time(service: TinyService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.experiment.ledger._PATIENCE", 0.1)
    service.mistakes.ignore_reads = True
    with pytest.raises(LabError, match="took too long"):
        audit(Ledger(LINKS * 20), service.address, search=False, bound=0.2)


def change(link: int, outcome: Outcome, url: str = "") -> Request:
    """A PATCH to that url, a DELETE without one."""
    name = "PATCH /links/{id}" if url else "DELETE /links/{id}"
    return Request(1, 1, name, outcome, None, url, LINKS[link][0])


NEW = "https://example.com/new"


@pytest.mark.parametrize(
    ("changes", "leads_to", "lost"),
    [
        ([change(0, "ok", NEW)], NEW, False),
        ([change(0, "ok", NEW)], LINKS[0][1], True),
        ([change(0, "unknown", NEW)], NEW, False),
        ([change(0, "unknown", NEW)], LINKS[0][1], False),
        ([change(0, "unknown", NEW)], None, True),
        ([change(0, "failed", NEW)], NEW, True),
        ([change(0, "ok")], None, False),
        ([change(0, "ok")], LINKS[0][1], True),
        ([change(0, "unknown")], None, False),
        ([change(0, "unknown")], LINKS[0][1], False),
        ([change(0, "ok", NEW), change(0, "unknown")], NEW, False),
        ([change(0, "ok", NEW), change(0, "unknown")], None, False),
        ([change(0, "ok", NEW), change(0, "unknown")], LINKS[0][1], True),
    ],
)
def test_a_changed_link_leads_where_it_was_last_said_to(
    service: TinyService, changes: list[Request], leads_to: str | None, lost: bool
) -> None:
    service.links = dict(LINKS) | ({LINKS[0][0]: leads_to} if leads_to else {})
    if leads_to is None:
        del service.links[LINKS[0][0]]
    ledger = Ledger(list(LINKS))
    ledger.enter(changes)
    assert audit(ledger, service.address, search=False).lost == (tuple(LINKS[:1]) if lost else ())


def test_an_unknown_change_is_looked_up_as_an_unknown_link_is(service: TinyService) -> None:
    service.links = {"link000": NEW, "link001": LINKS[1][1]}
    ledger = Ledger(list(LINKS))
    ledger.enter([change(0, "unknown", NEW), change(1, "unknown"), change(2, "unknown")])
    result = audit(ledger, service.address, search=True)
    assert (result.lost, result.unknown, result.unknown_applied) == ((), 3, 2)


def keyed(outcome: Outcome, link_id: str = "") -> Request:
    return Request(1, 1, "POST /links", outcome, None, "http://once/", link_id, key="a-key")


def test_what_was_sent_again_under_its_key_is_one_link(service: TinyService) -> None:
    service.links = {"link009": "http://once/"}
    ledger = Ledger()
    ledger.enter([keyed("unknown"), keyed("unknown"), keyed("ok", "link009")])
    assert (ledger.acknowledged, ledger.unknown) == ([("link009", "http://once/")], [])
    assert audit(ledger, service.address, search=True).doubled == ()
    service.links["link010"] = "http://once/"
    assert audit(ledger, service.address, search=True).doubled == ("http://once/",)


def test_what_was_never_answered_under_its_key_is_one_unknown(service: TinyService) -> None:
    ledger = Ledger()
    ledger.enter([keyed("unknown"), keyed("failed"), keyed("unknown")])
    assert (ledger.acknowledged, ledger.unknown) == ([], ["http://once/"])
