"""What was counted beside what was seen: what is lost, what is doubled, and what a kill excuses."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import pytest

from checks.unit.experiment.tiny_service import TinyService
from infra.balancer import ASKS_AGAIN, TRIES
from infra.errors import LabError
from infra.experiment import clicks
from infra.experiment.clicks import compare, count_clicks, redirects
from infra.experiment.timeline import FaultSpan, Request
from infra.project import ROOT

A, B = "link000", "link001"


def seen(start: float, link: str = A, seconds: float = 0.01, status: int | None = 302, error: str = "") -> Request:
    outcome = "ok" if status == 302 else "failed"
    return Request(start, seconds, "GET /{id}", outcome, status, link_id=link, error=error)  # type: ignore[arg-type]


def kill(start: float, end: float | None = None, box: str = "app") -> FaultSpan:
    return FaultSpan(f"kill -9 {box}", start, end, box)


def test_what_was_answered_must_be_counted_and_what_was_not_may_be() -> None:
    found = redirects(
        [
            seen(1),
            seen(2),
            seen(3, B),
            seen(4, status=None, error="timeout"),
            seen(5, status=None, error="not sent: connection refused"),
            seen(6, status=503, error="HTTP 503"),
            replace(seen(7), name="GET /links/{id}", status=200),
            replace(seen(8), name="POST /links", status=201),
        ]
    )
    assert (dict(found.least), dict(found.most)) == ({A: 2, B: 1}, {A: 3, B: 1})


@pytest.mark.parametrize(("counted", "lost", "doubled"), [(2, 0, 0), (3, 0, 0), (1, 1, 0), (4, 0, 1), (0, 2, 0)])
def test_counts_outside_the_range_are_lost_or_doubled(counted: int, lost: int, doubled: int) -> None:
    found = redirects([seen(1), seen(2), seen(3, status=None, error="timeout")])
    result = compare(found, {A: counted})
    assert (result.lost, result.lost_beyond, result.doubled) == (lost, lost, doubled)
    assert result.exact == (not lost and not doubled)


def test_one_links_surplus_does_not_hide_what_another_lost() -> None:
    result = compare(redirects([seen(1), seen(2, B)]), {A: 2, B: 0})
    assert (result.seen, result.counted, result.lost, result.doubled) == (2, 2, 1, 1)


def test_a_kill_excuses_the_last_100_ms_before_it_and_no_more() -> None:
    early, late = [seen(4.80), seen(4.85)], [seen(4.93), seen(4.97), seen(4.995)]
    found = redirects([*early, *late, seen(7.0)], [kill(5.0, 5.2)])
    assert found.excused[A] == len(late)
    assert compare(found, {A: 3}).exact
    assert compare(found, {A: 2}).lost_beyond == 1


def test_a_kill_that_took_its_time_is_placed_by_the_last_request_that_was_answered() -> None:
    requests = [seen(number / 100, seconds=0.005) for number in range(540)]  # answered up to 5.4 s, every 10 ms
    found = redirects(requests, [kill(5.0, 5.5)])
    assert found.kills == [pytest.approx(5.39)]
    assert found.excused[A] == 11


def test_only_a_kill_of_the_service_excuses_anything() -> None:
    assert not redirects([seen(4.99)], [kill(5.0, box="worker"), FaultSpan("kill -9 app", 5.0)]).excused


@pytest.mark.parametrize(("start", "seconds", "possible"), [(5.3, 0.1, 0), (5.0, 0.5, 1), (6.9, 0.2, 1), (7.1, 0.1, 1)])
def test_what_began_and_ended_while_the_service_was_dead_was_no_redirect(
    start: float, seconds: float, possible: int
) -> None:
    lost = seen(start, seconds=seconds, status=None, error="connection lost (ConnectionResetError)")
    faults = [kill(5.0, 5.2), FaultSpan("app started again", 7.0, 8.0, starts="app")]
    found = redirects([seen(1), lost], faults)
    assert found.most[A] - found.least[A] == possible
    assert redirects([lost], faults, ("app", "another")).most[A] == 1


def test_of_several_copies_a_kill_excuses_what_the_killed_one_answered() -> None:
    late = [replace(seen(4.9 + number / 100), copy=f"app-{1 + number % 2}") for number in range(10)]
    found = redirects(late, [kill(4.95, 5.3, box="app-2")], ("app-1", "app-2"), "balancer")
    assert found.kills == [pytest.approx(4.99)]  # app-2 was sent its last request then, whatever app-1 went on to do
    assert found.excused[A] == 5


def test_an_answer_that_does_not_say_whose_it_is_may_be_the_killed_ones() -> None:
    found = redirects([seen(4.99), seen(5.1)], [kill(5.0, 5.2, box="app-2")], ("app-1", "app-2"), "balancer")
    assert found.kills == [5.0]
    assert found.excused[A] == 2


@pytest.mark.parametrize(
    ("request_", "possible"),
    [
        (seen(1.0, seconds=0.5), 0),
        (seen(1.0, seconds=1.4), 1),  # another copy was asked; the first one may have wakened later
        (seen(1.0, seconds=2.7), 2),
        (seen(1.0, seconds=4.0, status=503), 3),
        (seen(1.0, seconds=0.1, status=503), 0),
        (seen(1.0, seconds=1.4, status=None, error="timeout"), 2),
        (seen(4.99), 1),  # under way when a copy was killed
        (seen(5.15), 1),
    ],
)
def test_a_balancer_that_asks_again_may_make_two_redirects_of_one_request(request_: Request, possible: int) -> None:
    killed = [kill(5.0, 5.2, box="app-2")]
    found = redirects([request_], killed, ("app-1", "app-2"), "balancer")
    assert found.most[A] - found.least[A] == possible
    assert redirects([seen(1.0, seconds=1.4)], killed, ("app-1", "app-2")).most[A] == 1


def test_when_the_balancer_asks_again_is_what_its_configuration_says() -> None:
    settings = (ROOT / "infra" / "config" / "haproxy.cfg").read_text()
    assert f"http-request set-timeout server {1000 * ASKS_AGAIN:.0f}ms if {{ method GET HEAD }}" in settings
    assert f"retries {TRIES - 1}\n" in settings


def test_nothing_is_answered_while_the_balancer_is_dead() -> None:
    lost = seen(5.3, seconds=0.1, status=None, error="connection lost (ConnectionResetError)")
    faults = [kill(5.0, 5.2, box="balancer"), FaultSpan("balancer started", 7.0, starts="balancer")]
    assert redirects([lost], faults, ("app-1", "app-2"), "balancer").most[A] == 0


def test_each_kill_excuses_its_own() -> None:
    found = redirects([seen(4.95), seen(9.95)], [kill(5.0), kill(10.0)])
    assert found.excused[A] == 2
    assert compare(found, {A: 0}).reach is None


def test_where_lost_clicks_may_lie_is_the_shortest_time_that_holds_them() -> None:
    found = redirects([seen(2.0), seen(4.80), seen(4.86), seen(4.97), seen(3.0, B)], [kill(5.0)])
    assert compare(found, {A: 4, B: 1}).within == 0.05
    assert compare(found, {A: 2, B: 1}).within == pytest.approx(0.15)
    assert compare(found, {A: 4, B: 0}).within == pytest.approx(2.0)
    assert compare(redirects([seen(1)]), {A: 0}).within is None


def test_how_far_the_lost_clicks_reach_back_at_least() -> None:
    found = redirects([seen(4.90), seen(4.95, B), seen(4.97), seen(4.99, B)], [kill(5.0)])
    assert compare(found, {A: 1, B: 1}).reach == pytest.approx(0.02)
    assert compare(found, {A: 0, B: 2}).reach == pytest.approx(0.09)
    assert compare(found, {A: 2, B: 2}).reach == 0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clicks, "_QUIET", 0.2)
    monkeypatch.setattr(clicks, "_STILL", 0.6)


def test_counts_that_are_still_coming_are_waited_for(service: TinyService) -> None:
    service.links = {A: "http://a/"}
    later = threading.Timer(0.4, lambda: service.clicks.update({A: 2}))
    later.start()
    result = count_clicks(redirects([seen(1), seen(2)]), service.address)
    later.join()
    assert result is not None
    assert (result.counted, result.exact) == (2, True)
    assert 0.3 < result.settled < 2


def test_counts_that_never_come_are_lost(service: TinyService) -> None:
    service.links = {A: "http://a/"}
    result = count_clicks(redirects([seen(1), seen(2)]), service.address)
    assert result is not None
    assert result.lost_beyond == 2


def test_events_that_wait_are_waited_for_even_when_all_looks_well(service: TinyService) -> None:
    service.links, service.clicks[A] = {A: "http://a/"}, 1
    lags = itertools.chain([3, 2, 1, 1], itertools.repeat(0))

    def lag() -> int:
        behind = next(lags)
        if behind == 0:
            service.clicks[A] = 2  # the second delivery of an event, counted again
        return behind

    result = count_clicks(redirects([seen(1)]), service.address, lag)
    assert result is not None
    assert result.doubled == 1


def test_a_service_that_shows_no_clicks_is_not_accused(service: TinyService) -> None:
    service.links, service.mistakes.show_no_clicks = {A: "http://a/"}, True
    assert count_clicks(redirects([seen(1)]), service.address) is None


def test_a_link_that_was_deleted_is_left_out(service: TinyService) -> None:
    service.links, service.clicks[A] = {A: "http://a/"}, 1
    result = count_clicks(redirects([seen(1), seen(2, B)]), service.address)
    assert result is not None
    assert (result.seen, result.counted, result.lost) == (1, 1, 0)


def test_a_service_that_does_not_answer_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.experiment.ledger._PATIENCE", 0.1)
    gone = TinyService()
    gone.close()
    with pytest.raises(LabError, match="clicks cannot be compared"):
        count_clicks(redirects([seen(1)]), gone.address)
