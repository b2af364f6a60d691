"""Lab 3's quietest failure: a link is deleted while somebody is about to put it into the cache."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import orjson
import psycopg

from infra.errors import LabError
from infra.experiment.experiment import At, Experiment, Load
from infra.experiment.keepalive import Answer, Connection
from infra.experiment.timeline import Timeline
from infra.runtime.protocol import Runtime
from labs.lab3_cache_and_events.held_read import gate_shut, holdable, until_held
from labs.lab3_cache_and_events.naive_twin import NaiveTwin
from labs.lab3_cache_and_events.servers import statements

_ROUNDS = 10


def deleted_link() -> Experiment:
    twin = NaiveTwin()
    race = Race(twin)
    return Experiment(
        name="deleted-link",
        lab=3,
        title="a delete races a fill of the cache",
        question="""Somebody follows a link that is not in the cache, and Postgres has just read it for them. Before
            the answer is put into the cache, the link is deleted, and its key too. Where does the link lead a
            moment later: at the service, and at a naive cache that deletes the key after the commit, as
            everybody does?""",
        answers=(
            "Nowhere, at both: the key was deleted after the commit, as it should be.",
            "At the naive one it still leads to the deleted url, until the key expires; at the service nowhere.",
            "At both it still leads to the deleted url: a cache cannot know what happens in the database.",
        ),
        right=_who_is_stale,
        load=Load(users=4, seconds=9.0, rate=40.0, write_share=0.1),
        schedule=(At(2.0, f"{_ROUNDS} links are deleted between read and fill, at each", race.run),),
        needs=("postgres", "redis"),
        own_stage=True,
        prepare=twin.start,
        undo=twin.end,
        explanation="""Of {races} links that were deleted between the read and the fill, {stale_at_the_naive_cache}
            still led to their old url at the naive cache, though the DELETE had been answered 204, and
            {stale_at_the_service} at the service. The naive order is the one in every text: commit, then delete
            the key. It has one hole: somebody who read the old row before the commit, and writes it into the
            cache after the key was deleted. Then it lies there until it expires. In daily life the hole is some
            microseconds wide, and so it is found in production and not in a test; here Postgres was made to hold
            the answer back. The cure is a lease: who misses puts a token under the key first, and fills only if
            that very token still lies there, in one step. A change takes the token away, so a fill from before
            it is refused. A short TTL alone would only bound how long the wrong answer lives. A version number
            in the row, compared when filling, would do as well.""",
    )


@dataclass
class Race:
    """The race, at will: a reader is held in Postgres with the old row in hand while the link is deleted."""

    twin: NaiveTwin
    _marker: str = field(default_factory=lambda: secrets.token_hex(6))

    def run(self, stage: Runtime) -> dict[str, float]:
        """How many links that were deleted meanwhile lead somewhere afterwards, at the service and at its twin.

        Raises LabError when a link cannot be made, or is not read from Postgres when it is first followed."""
        stale = {}
        with statements(stage) as connection, holdable(connection, self._marker):
            for label, address in (("service", stage.address("app")), ("naive_cache", self.twin.address)):
                rounds = [self._is_stale(connection, stage.address("app"), address) for _ in range(_ROUNDS)]
                stale[f"stale_at_the_{label}"] = float(sum(rounds))
        return {"races": _ROUNDS, **stale}

    def _is_stale(self, database: psycopg.Connection, service: tuple[str, int], contestant: tuple[str, int]) -> bool:
        with Connection(service) as maker, Connection(contestant) as reader, Connection(contestant) as deleter:
            link_id = _made(maker, f"https://example.com/{self._marker}/{secrets.token_hex(4)}")
            with ThreadPoolExecutor(1) as pool:
                with gate_shut(database):
                    read = pool.submit(reader.ask, "GET", f"/{link_id}")
                    until_held(database)
                    deleted = deleter.ask("DELETE", f"/links/{link_id}")
                read.result()
            _insist(deleted, 204, f"DELETE /links/{link_id}")
            return reader.ask("GET", f"/{link_id}").status == 302


def _made(connection: Connection, url: str) -> str:
    answer = connection.ask("POST", "/links", orjson.dumps({"url": url}))
    _insist(answer, 201, "POST /links")
    return str(orjson.loads(answer.body)["id"])


def _insist(answer: Answer, status: int, request: str) -> None:
    if answer.status != status:
        said = answer.body[:120].decode(errors="replace")
        raise LabError(f"{request} was answered {answer.status} {said}, not {status}. Build that first: `lab hint 3`.")


def _who_is_stale(timeline: Timeline) -> int:
    if timeline.figures["stale_at_the_service"]:
        return 2
    return 1 if timeline.figures["stale_at_the_naive_cache"] else 0
