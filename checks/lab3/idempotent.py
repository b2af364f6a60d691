"""POST /links with an Idempotency-Key, and which links there are to a url: what several checks ask. Lab 3."""

from __future__ import annotations

import secrets
from urllib.parse import quote

from checks.plugin.service import Answer, Service
from checks.plugin.verdict import expect


def post_once(service: Service, url: str, key: str) -> Answer:
    return service.post({"url": url}, {"Idempotency-Key": key})


def links_to(service: Service, url: str) -> list[str]:
    answer = service.get(f"/links?url={quote(url, safe='')}&limit=50")
    expect(answer.status == 200, did="Searched for a url.", expected="200", got=answer)
    return [str(item["id"]) for item in answer.json()["items"]]


def fresh_url() -> str:
    return f"https://example.com/once/{secrets.token_hex(10)}"


def fresh_key() -> str:
    return f'"{secrets.token_hex(12)}"'
