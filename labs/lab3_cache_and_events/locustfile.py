"""Lab 3's load: lab 2's visitors, some of whom name their POSTs with a key, look at a link, change it or delete it."""

from __future__ import annotations

import random
import secrets
from itertools import count
from typing import Any

from locust import task

from infra.experiment.ledger import GONE
from infra.experiment.load.urls import unique_url
from labs.lab2_postgres import locustfile as lab2

CHANGES = secrets.token_hex(4)  # the run that urls of changed links belong to
NUMBERS = count()
TRIES = 5  # how often a POST with a key is sent again at most


class ClickingVisitor(lab2.SearchingVisitor):
    """Whatever it changes or deletes it has made itself, and nobody else knows it: so it knows what must come back."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.mine: list[tuple[str, str]] = []
        self.unsure: tuple[str, str, int] | None = None  # url, key and tries of a POST whose fate is unknown

    @task  # type: ignore[untyped-decorator]
    def visit(self) -> None:
        chance = random.random()
        if self.mine and chance < self.options.change_share:
            self.change_or_delete()
        elif chance > 1 - self.options.show_share:
            self.show()
        else:
            super().visit()

    def create(self) -> None:
        """With a key, a POST without a clear answer is sent again as it was: it must make one link."""
        if self.unsure is not None:
            self.post_with_key(*self.unsure)
        elif random.random() < self.options.key_share:
            self.post_with_key(unique_url(CHANGES, next(NUMBERS)), secrets.token_urlsafe(9), 0)
        else:
            super().create()

    def post_with_key(self, url: str, key: str, tries: int) -> None:
        status = self.post(url, key)
        again = (status is None or status >= 500) and tries < TRIES
        self.unsure = (url, key, tries + 1) if again else None

    def remember(self, link_id: str, url: str) -> None:
        super().remember(link_id, url)
        if self.options.change_share and self.options.links_file:
            self.mine = [*self.mine[-20:], (link_id, url)]

    def show(self) -> None:
        link_id, url = self.any_link()
        with self.client.get(
            f"/links/{link_id}", name="GET /links/{id}", context={"url": url}, catch_response=True
        ) as answer:
            if answer.status_code == 200 and answer.json().get("url") != url:
                answer.failure("another url in the link")

    def change_or_delete(self) -> None:
        """One that was not answered clearly is left alone from then on."""
        link_id, _ = self.mine.pop(random.randrange(len(self.mine)))
        if random.random() < 0.5:
            self.change(link_id)
        else:
            self.delete(link_id)

    def change(self, link_id: str) -> None:
        """PATCH, and the redirect must follow at once."""
        url = unique_url(CHANGES, next(NUMBERS))
        context = {"url": url, "link_id": link_id}
        answer = self.client.patch(f"/links/{link_id}", json={"url": url}, name="PATCH /links/{id}", context=context)
        if answer.status_code == 200:
            self.get(link_id, url)
            self.mine.append((link_id, url))

    def delete(self, link_id: str) -> None:
        """DELETE, and the redirect must be gone at once."""
        context = {"link_id": link_id}
        answer = self.client.delete(f"/links/{link_id}", name="DELETE /links/{id}", context=context)
        if answer.status_code == 204:
            self.client.get(f"/{link_id}", name=GONE, context=context, allow_redirects=False)
