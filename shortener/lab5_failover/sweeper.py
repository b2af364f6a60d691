"""`python -m shortener.lab5_failover.sweeper`: one of several nodes, of which the one that leads sweeps expired links,
until SIGTERM or SIGINT. Lab 5.

A round looks at the lease, reads, works, and writes. In a job that does something for each link (archives it, tells its
owner) most of the time goes to the work, and the look is old by the time of the write. It says what it does in lines
of JSON."""

import logging
import os
import time
from collections.abc import Mapping

import orjson
import psycopg
from prometheus_client import CollectorRegistry, Counter, Gauge

from shortener.lab3_cache_and_events.database import Database
from shortener.lab3_cache_and_events.process import PAUSE_SECONDS, Stopping, first_line, run
from shortener.lab3_cache_and_events.redis_client import redis_client
from shortener.lab5_failover.election.candidate import Candidate, Term
from shortener.lab5_failover.election.etcd_gateway import EtcdGateway
from shortener.lab5_failover.election.etcd_lease import EtcdLease
from shortener.lab5_failover.election.lease import Lease
from shortener.lab5_failover.election.redis_lease import RedisLease
from shortener.lab5_failover.election.sweeps import Refused, Sweeps

log = logging.getLogger(__name__)

PROCESS = "sweeper"
WORK_SECONDS = 0.4  # stands for the work on a round's links
IDLE_SECONDS = 0.1  # between two rounds, and between two looks of one that does not lead


class Sweeper:
    def __init__(self, node: str, lease: Lease, sweeps: Sweeps, metrics: CollectorRegistry, stopping: Stopping) -> None:
        self._node, self._sweeps, self._stopping = node, sweeps, stopping
        self._candidate = Candidate(lease, self._changed)
        self._new = False  # the term's first round has yet to begin
        self._leads = Gauge("sweeper_leads", "Whether this node believes that it leads.", registry=metrics)
        self._rounds = Counter("sweeper_rounds", "Rounds by what became of them.", ["outcome"], registry=metrics)

    def sweep(self) -> None:
        """Look at the lease, and do one round if this node leads."""
        term = self._candidate.look()
        if term is None:
            return
        try:
            self._round(term)
        except Refused as refused:
            self._tell("refused", term)
            self._candidate.step_down(str(refused))
        except psycopg.Error as error:
            log.warning("a round could not be written: %s", first_line(error))
            self._rounds.labels("failed").inc()
            self._stopping.pause(PAUSE_SECONDS)

    def leave(self) -> None:
        self._candidate.step_down("it was told to stop")

    def _round(self, term: Term) -> None:
        if self._new:
            self._sweeps.take_office(term.token)
            self._new = False
        links = self._sweeps.expired()
        self._stopping.pause(WORK_SECONDS)
        self._sweeps.write(term.token, links)
        self._tell("swept", term, links=len(links))

    def _changed(self, event: str, term: Term, why: str) -> None:
        self._new = event == "leads"
        self._leads.set(event == "leads")
        self._tell(event, term, why=why)

    def _tell(self, event: str, term: Term, **more: str | int) -> None:
        if event in ("swept", "refused"):
            self._rounds.labels(event).inc()
        line = {"at": time.time(), "node": self._node, "event": event, "token": term.token, **more}
        print(orjson.dumps(line).decode(), flush=True)


def lease_of(environment: Mapping[str, str], node: str) -> Lease:
    """Raises KeyError for a missing variable, ValueError with a sentence for a bad one."""
    seconds = _seconds(environment.get("LEASE", "2"))
    match environment["ELECTION"]:
        case "redis":
            return RedisLease(redis_client(environment["REDIS_URL"]), seconds, node)
        case "etcd":
            return EtcdLease(EtcdGateway(environment["ETCD_URL"]), seconds, node)
        case other:
            raise ValueError(f"ELECTION={other} will not do: say redis or etcd.")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 60:
        raise ValueError(f"LEASE={text} will not do: say a number of seconds from 1 to 60.")
    return seconds


def is_fenced(environment: Mapping[str, str]) -> bool:
    fenced = environment.get("FENCED", "no")
    if fenced not in ("yes", "no"):
        raise ValueError(f"FENCED={fenced} will not do: say yes or no.")
    return fenced == "yes"


def main(metrics: CollectorRegistry, stopping: Stopping) -> None:
    node = os.environ["NODE"]
    sweeps = Sweeps(Database(os.environ["DATABASE_URL"], PROCESS), node, fenced=is_fenced(os.environ))
    sweeper = Sweeper(node, lease_of(os.environ, node), sweeps, metrics, stopping)
    while not stopping.requested:
        sweeper.sweep()
        stopping.pause(IDLE_SECONDS)
    sweeper.leave()


if __name__ == "__main__":
    run(main)
