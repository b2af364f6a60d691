"""Lab 2's load: lab 1's visitors, who now also look up which links lead to a url."""

from __future__ import annotations

import random
from urllib.parse import quote

from locust import task

from labs.lab1_file import locustfile as lab1


class SearchingVisitor(lab1.Visitor):
    @task  # type: ignore[untyped-decorator]
    def visit(self) -> None:
        if self.popularity is not None and random.random() < self.options.search_share:
            self.search()
        else:
            super().visit()

    def search(self) -> None:
        """GET /links?url=: the query that is slow without an index."""
        link_id, url = self.any_link()
        path = f"/links?url={quote(url, safe='')}"
        with self.client.get(path, name="GET /links?url=", context={"url": url}, catch_response=True) as answer:
            if answer.status_code == 200 and link_id not in answer.text:
                answer.failure("the link is not among the found")
