"""The benchmarks of many copies: what they make of what they saw, and the load that they put on."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from bench import balancer, kills, limiter
from bench.balancer import Cost
from bench.kills import Kill
from bench.limiter import Posted
from bench.many_copies import Answered, load, paced
from checks.eventually import eventually

REDIRECT = b"HTTP/1.1 302 Found\r\nlocation: https://example.com/\r\ncontent-length: 0\r\n\r\n"
AWAY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\naway"


class Door(socketserver.StreamRequestHandler):
    """Redirects, but for what the path says: /away is answered 503, and /gone not at all."""

    asked: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        while line := self.rfile.readline():
            self.asked.append(line)
            while self.rfile.readline().strip():
                pass
            if b"/gone" in line:
                return
            self.wfile.write(AWAY if b"/away" in line else REDIRECT)


@pytest.fixture
def port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Door) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_the_load_keeps_its_pace_and_notes_each_answer(port: int) -> None:
    found = paced([port, port], ["/a", "/away", "/gone"], 150.0, 1.0)
    assert [len([one for one in found if one.status == status]) for status in (302, 503, 0)] == [50, 50, 50]
    assert found[-1].due - found[0].due == pytest.approx(149 / 150)


def test_a_load_without_an_end_of_its_own_ends_with_its_block(port: int) -> None:
    asked = len(Door.asked)
    with load([port], ["/a"], 100.0) as found:
        assert eventually(lambda: len(Door.asked) >= asked + 20, within=20.0)
    assert len(found) == len(Door.asked) - asked
    assert {one.status for one in found} == {302}


def answered(due: float, seconds: float = 0.001, status: int = 302) -> Answered:
    return Answered(due, seconds, status)


def test_a_kill_is_seen_in_the_second_around_it_beside_the_two_before() -> None:
    before = [answered(7.5 + number / 100) for number in range(200)]
    around = [answered(9.5 + number / 100, 0.5 if number in (40, 41) else 0.001) for number in range(100)]
    seen = kills.seen([*before, *around, answered(11.0, 9.0, 503)], killed=10.0)
    assert seen == Kill(301, 1, 0.001, 0.5)


@pytest.mark.parametrize(("failed", "around", "met"), [(0, 0.003, [True, True]), (1, 0.004, [False, False])])
def test_kills_are_judged_by_what_failed_and_the_median_factor(failed: int, around: float, met: list[bool]) -> None:
    three = [Kill(900, 0, 0.001, around), Kill(900, failed, 0.001, around), Kill(900, 0, 0.001, 9.0)]
    assert [figure.met for figure in kills.figures("local", three)] == met


def test_what_a_redirect_costs_is_told_without_the_relay() -> None:
    before = {"app-1": 1.0, "balancer": 0.0, ".relay": 2.0}
    after = {"app-1": 3.0, "balancer": 0.5, ".relay": 2.5}
    found = balancer.cost(before, after, [answered(number) for number in range(1000)])
    assert (found.boxes, found.balancer, found.relay) == pytest.approx((2500, 500, 500))


@pytest.mark.parametrize("answers", [[answered(1, status=503)], [answered(1, seconds=2.0)] * 9])
def test_a_round_that_was_not_all_redirects_or_came_late_counts_for_nothing(answers: list[Answered]) -> None:
    with pytest.raises(AssertionError):
        balancer.cost({}, {}, [*answers, answered(2)])


def test_the_factor_is_the_median_of_the_rounds_own() -> None:
    through, direct = [Cost(130, 28, 20), Cost(260, 28, 20), Cost(900, 28, 20)], [Cost(100, 0, 0), Cost(200, 0, 0)]
    without, with_relay = balancer.figures(through, [*direct, Cost(100, 0, 0)])
    assert "1.30 times" in without.name
    assert without.met
    assert "1.50 times" in with_relay.name


def test_the_rate_counts_from_the_first_refusal_on() -> None:
    burst = [Posted(number / 1000, 201) for number in range(100)]
    refill = [Posted(1.0 + number / 50, 201) for number in range(1, 501)]
    rate = limiter.granted([*burst, Posted(1.0, 429), *refill])
    assert rate == pytest.approx(50)
    assert limiter.exact(rate).met
    assert not limiter.exact(50.6).met
    assert not limiter.exact(49.4).met


def test_an_answer_that_is_neither_a_link_nor_a_refusal_proves_nothing() -> None:
    with pytest.raises(AssertionError):
        limiter.granted([Posted(0.0, 201), Posted(0.1, 503), Posted(0.2, 429)])
