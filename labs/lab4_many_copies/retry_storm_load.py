"""The load of the retry storm: four kinds of callers, each with its own way to try again, who all ask on the second."""

from __future__ import annotations

import math
import time
from typing import Any

import gevent
from locust import task

from labs.lab1_file import locustfile as lab1
from labs.lab4_many_copies.retry_policies import Policy, policies

AT_ONCE, BACKOFF, JITTER, BUDGET = policies()
PERIOD = 1.0  # seconds: jobs that run on the second, as those of cron do on the minute


class Caller(lab1.Visitor):
    """One call each second, at the same moment as all others, tried again as its policy says."""

    abstract = True
    policy: Policy

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.path = f"/links/{self.links[0][0]}"

    def wait_time(self) -> float:
        return PERIOD - math.fmod(time.monotonic(), PERIOD)

    def on_start(self) -> None:
        gevent.sleep(self.wait_time())

    @task  # type: ignore[untyped-decorator]
    def visit(self) -> None:
        answered, retry = self.ask(f"GET {self.policy.name}"), 0
        while not answered and self.policy.again(retry):
            gevent.sleep(self.policy.pause(retry))
            answered, retry = self.ask(f"GET {self.policy.name}, again"), retry + 1
        if answered:
            self.policy.succeeded()

    def ask(self, name: str) -> bool:
        return bool(self.client.get(self.path, name=name, allow_redirects=False).status_code == 200)


class CallerAtOnce(Caller):
    policy = AT_ONCE


class CallerWithBackoff(Caller):
    policy = BACKOFF


class CallerWithJitter(Caller):
    policy = JITTER


class CallerWithBudget(Caller):
    policy = BUDGET
