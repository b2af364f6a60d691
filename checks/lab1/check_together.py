"""Many clients at once: each acknowledged link is there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from checks.plugin.service import Service
from checks.plugin.verdict import CheckFailed, expect

CLIENTS, EACH = 12, 15


def check_together(service: Service) -> None:
    """Links created by many clients at the same time are all there"""

    def create(client: int) -> list[tuple[str, str]]:
        urls = [f"https://example.com/together/{client}/{number}" for number in range(EACH)]
        return [(service.create(url)["id"], url) for url in urls]

    with ThreadPoolExecutor(CLIENTS) as pool:
        links = [link for batch in pool.map(create, range(CLIENTS)) for link in batch]
    did = f"{CLIENTS} clients created {len(links)} links at the same time; then each was followed."
    expect(len({i for i, _ in links}) == len(links), did=did, expected="an id of its own for each", got="an id twice")
    answers = [(url, service.get("/" + i)) for i, url in links]
    lost = [(url, answer) for url, answer in answers if answer.headers.get("location") != url]
    if lost:
        url, answer = lost[0]
        words = f"{len(lost)} of {len(links)} lost, such as {url}: {answer}"
        raise CheckFailed(did=did, expected="every acknowledged link", got=words, request=answer.curl)
