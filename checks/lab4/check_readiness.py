"""GET /readyz tells the truth, so the balancer sends nobody to a copy that cannot serve. Lab 4."""

from __future__ import annotations

from collections.abc import Callable

from checks.eventually import eventually
from checks.lab2.outage import URL, expect_honest, expect_recovery
from checks.lab4.followers import followed
from checks.plugin.copies import asked, at_the_balancer, copy_at, names, requests_of
from checks.plugin.stand import Stand
from checks.plugin.verdict import CheckFailed, expect

NOTICED, OUT = 8.0, 8.0  # seconds until /readyz says so; until the balancer acts on it
BEFORE = 0.3  # seconds of load before the link is cut
FRESH = 12  # links that no cache knows


def check_readiness(stand: Stand, note: Callable[[str], None]) -> None:
    """A copy that cannot reach Postgres says so at /readyz, gets no more requests, and not one GET fails"""
    name = names(stand)[1]
    did = f"Cut the link between {name} and Postgres under load."
    copy = copy_at(stand, name)
    with followed(stand, did, note) as visitors:
        visitors.click_for(BEFORE)
        stand.runtime.cut(name, "postgres")
        _expect_not_ready(lambda: getattr(asked(copy, "/readyz"), "status", None), name, did)
        eventually(lambda: at_the_balancer(stand)[name].state != "UP", within=OUT)
        before = at_the_balancer(stand)[name]
        expected = f"that the balancer sends {name} nobody any more"
        expect(before.state != "UP", did=did, expected=expected, got=f"{name} is UP there ({before.check})")
        for number in range(FRESH):
            _expect_served(stand, f"https://example.com/fresh/{number}", did)
        more = requests_of(stand)[name] - before.requests
        # Each second the balancer may look once more; what was on its way then has arrived by now.
        expect(more <= len(names(stand)), did=did, expected=expected, got=f"{more} requests")
        stand.runtime.heal()
        stand.runtime.admit(name)
    note(f"{name} was taken out and let in again")


def check_database_away(stand: Stand) -> None:
    """While Postgres is dead the balancer passes on what the copies say: 503 in time; then all is served again"""
    link_id = str(stand.service.create(URL)["id"])
    did = "Killed Postgres (kill -9)"
    stand.runtime.kill("postgres")
    expect_honest(stand.service, link_id, f"{did} and sent one request of each kind to the balancer.")
    stand.runtime.start("postgres")
    expect_recovery(stand.service, link_id, f"{did}, then started it again.")


def _expect_not_ready(status: Callable[[], int | None], name: str, did: str) -> None:
    if eventually(lambda: status() == 503, within=NOTICED, every=0.1):
        return
    expected = f"that {name} answers GET /readyz with 503: it cannot serve, and whoever asks must know"
    raise CheckFailed(did=did, expected=expected, got=f"{status() or 'no answer'}")


def _expect_served(stand: Stand, url: str, did: str) -> None:
    """A link is made and followed through the balancer."""
    link = stand.service.create(url)
    answer = stand.service.get(f"/{link['id']}")
    right = answer.status == 302 and answer.headers.get("location") == url
    expect(right, did=did, expected="that the other copies make and follow links", got=answer)
