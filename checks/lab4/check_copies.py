"""Copies of the service that come and go: killed, stopped, drained, replaced, more of them and fewer. Lab 4."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from checks.eventually import eventually
from checks.lab1.check_stop import stopped_in_mid_request
from checks.lab4.followers import followed
from checks.plugin.copies import at_the_balancer, copy_at, names, requests_of
from checks.plugin.load import failing_as
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect
from infra import rolling

BEFORE, DEAD = 0.3, 0.5  # seconds of load before a copy is struck, and while it is away
TURN = 5.0  # seconds until a copy that gets requests has got one
MANY = 5


def check_copies_killed(stand: Stand, note: Callable[[str], None]) -> None:
    """Not one GET fails while one copy after another is killed (kill -9) and started again"""
    did = "Killed (kill -9) one copy after the other under load, and started each again."
    with failing_as(did, "that each copy is ready again"), followed(stand, did, note) as visitors:
        for name in names(stand):
            visitors.click_for(BEFORE)
            stand.runtime.kill(name)
            visitors.click_for(DEAD)
            stand.runtime.start(name)
            stand.runtime.admit(name)
            _expect_a_turn(stand, [name], did)


def check_copy_stopped(own_stand: Stand, note: Callable[[str], None]) -> None:
    """Not one request fails while a copy is drained, or is stopped with SIGTERM"""
    drained, stopped = names(own_stand)[-2:]
    did = f"Drained {drained}, then sent SIGTERM to {stopped} while it had half of a POST, and started it again."
    with failing_as(did, "that it is ready again"), followed(own_stand, did, note) as visitors:
        visitors.click_for(BEFORE)
        own_stand.runtime.drain(drained)
        before = requests_of(own_stand)[drained]
        visitors.click_for(DEAD)
        more = requests_of(own_stand)[drained] - before
        expect(not more, did=f"Drained {drained}.", expected="no new request for it", got=f"{more} requests")
        own_stand.runtime.admit(drained)
        answer = stopped_in_mid_request(copy_at(own_stand, stopped), own_stand.runtime, stopped)
        expect(answer.status == 201, did=did, expected="201: a request in flight is finished", got=answer)
        code = own_stand.runtime.exit_code(stopped)
        expect(code == 0, did=did, expected="that it ends by itself, with exit code 0", got=f"exit code {code}")
        visitors.click_for(BEFORE)
        own_stand.runtime.start(stopped)
        own_stand.runtime.admit(stopped)


def check_served_by(stand: Stand) -> None:
    """Each answer says which copy it comes from, and of which version: Served-By"""
    version = stand.runtime.stage.box(names(stand)[0]).environment["VERSION"]
    _expect_served_by(stand, version, "Asked each copy at its own address for GET /healthz.")
    paths = [f"/nolink{number}" for number in range(10)] * 3  # of ids that nobody has: errors say it too
    seen = {stand.service.get(path).headers.get("served-by", "").split(" ")[0] for path in paths}
    did, expected = f"Sent {len(paths)} GETs to the balancer.", f"answers from each of {names(stand)}"
    expect(seen == set(names(stand)), did=did, expected=expected, got=f"answers from {sorted(seen)}")


def check_deploy(own_stand: Stand, note: Callable[[str], None]) -> None:
    """A rolling deploy replaces each copy by one of the new version, and not one GET fails"""
    version = f"check-{secrets.token_hex(3)}"
    did = f"Ran `lab deploy --version {version}` under load."
    with failing_as(did, "that each copy becomes ready"), followed(own_stand, did, note) as visitors:
        visitors.click_for(BEFORE)
        rolling.deploy(own_stand.runtime, version, lambda _: None)
        _expect_a_turn(own_stand, names(own_stand), did)
    _expect_served_by(own_stand, version, did)


def check_scale(own_stand: Stand, note: Callable[[str], None]) -> None:
    """More copies and fewer again, and not one GET fails"""
    few = len(names(own_stand))
    did = f"Ran `lab scale app {MANY}` under load, then `lab scale app {few}`."
    with failing_as(did, "that each copy becomes ready"), followed(own_stand, did, note) as visitors:
        visitors.click_for(BEFORE)
        rolling.scale(own_stand.runtime, MANY, lambda _: None)
        _expect_a_turn(own_stand, names(own_stand), did)
        rolling.scale(own_stand.runtime, few, lambda _: None)
        visitors.click_for(BEFORE)


def _expect_a_turn(stand: Stand, wanted: Iterable[str], did: str) -> None:
    """Each of them gets requests."""
    before = requests_of(stand)

    def idle() -> list[str]:
        now = requests_of(stand)
        return [name for name in wanted if now[name] <= before[name]]

    eventually(lambda: not idle(), within=TURN)
    left = [f"none for {name} ({at_the_balancer(stand)[name].state})" for name in idle()]
    expect(not left, did=did, expected="that each copy gets requests from the balancer", got=", ".join(left))


def _expect_served_by(stand: Stand, version: str, did: str) -> None:
    for name in names(stand):
        answer = copy_at(stand, name).get("/healthz")
        said, right = answer.headers.get("served-by"), f"{name} (version {version})"
        expected = f"the header Served-By: {right}, from COPY and VERSION of its environment"
        expect(said == right, did=did, expected=expected, got=f"Served-By: {said}" if said else "no such header")
