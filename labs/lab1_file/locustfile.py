"""Lab 1's load: people who follow links, the popular ones most, and now and then make a new one.

The lab runs it (`lab load 1`, `lab break 1`); by hand: `locust -f labs/lab1_file/locustfile.py --host http://127.0.0.1:8000`."""

from __future__ import annotations

import random
import secrets
import time
from itertools import count, cycle
from typing import Any

import gevent
from locust import FastHttpUser, task

from infra.experiment.load.listener import install
from infra.experiment.load.urls import unique_url
from infra.experiment.load.zipf import Zipf

RUN = secrets.token_hex(4)
NUMBERS = count()

install()


class Visitor(FastHttpUser):  # type: ignore[misc]  # locust is untyped
    """One request after the other; each visitor has a single connection, as a browser tab has."""

    network_timeout = 5.5  # seconds: a little over the 5 s within which the service promises an answer
    connection_timeout = 5.5
    concurrency = 1
    post_name = "POST /links"

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.options = environment.parsed_options
        self.links: list[list[str]] = environment.lab_links
        self.popularity = Zipf(len(self.links)) if self.links else None
        self.copies = cycle(self.options.copies.split(",") if self.options.copies else [self.host])
        visitors = max(1, environment.runner.target_user_count)
        self.interval = visitors / self.options.rate if self.options.rate else 0.0  # seconds between two turns of one
        self.due = 0.0

    def wait_time(self) -> float:
        """Until this visitor's next turn. Turns that were missed while an answer took long are not made up for."""
        now = time.monotonic()
        self.due = max(self.due + self.interval, now)
        return self.due - now

    def on_start(self) -> None:
        """Spread the visitors over the first interval, so that they do not all click at once."""
        delay = random.random() * self.interval
        self.due = time.monotonic() + delay
        gevent.sleep(delay)

    @task  # type: ignore[untyped-decorator]
    def visit(self) -> None:
        if self.popularity is None or random.random() < self.options.write_share:
            self.create()
        else:
            self.follow()

    def create(self) -> None:
        """POST /links with a url that nobody else has."""
        self.post(unique_url(RUN, next(NUMBERS)))

    def post(self, url: str, key: str = "") -> int | None:
        """The id that it answers goes to the event log as a promise. Returns the status, None when no answer came."""
        context, headers = {"url": url, "key": key}, {"Idempotency-Key": f'"{key}"'} if key else {}
        path = next(self.copies) + "/links"
        with self.client.post(
            path, json={"url": url}, headers=headers, name=self.post_name, context=context, catch_response=True
        ) as answer:
            if answer.status_code == 201:
                link_id = self.id_in(answer)
                answer.request_meta["context"]["link_id"] = link_id
                if not link_id:
                    answer.failure("201 without an id")
                else:
                    self.remember(link_id, url)
            self.heard(answer)
            return answer.status_code or None

    def heard(self, answer: Any) -> None:
        """What a POST was answered, for visitors of later labs who heed more of it."""

    def follow(self) -> None:
        """GET a popular link and look at where it leads, without going there."""
        self.get(*self.any_link())

    def get(self, link_id: str, url: str) -> None:
        context = {"url": url, "link_id": link_id}
        with self.client.get(
            f"/{link_id}", name="GET /{id}", context=context, allow_redirects=False, catch_response=True
        ) as answer:
            if answer.status_code == 302 and answer.headers.get("location") != url:
                answer.failure("another url in Location")

    def any_link(self) -> list[str]:
        assert self.popularity is not None
        return self.links[self.popularity.draw()]

    def remember(self, link_id: str, url: str) -> None:
        """Started by hand, without links to read: read those that were written."""
        if not self.options.links_file and len(self.links) < 1000:
            self.links.append([link_id, url])
            self.popularity = Zipf(len(self.links))

    def id_in(self, answer: Any) -> str:
        try:
            return str(answer.json()["id"])
        except (ValueError, KeyError, TypeError):
            return ""
