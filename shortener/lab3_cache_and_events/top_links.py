"""GET /stats/top: the most clicked links, as the consumer `toplist` keeps them in Redis. Lab 3."""

import asyncio
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel

from shortener.lab1_file.links import LinkStore, Unavailable
from shortener.lab1_file.problems import documented
from shortener.lab3_cache_and_events.cache import CacheCalls
from shortener.lab3_cache_and_events.keys import TOP

PAGE = 200
MOST = 2_000  # places looked at: below them nobody is on top
SECONDS = 4.0


class TopLink(BaseModel):
    id: str
    url: str
    clicks: int


class Top(BaseModel):
    items: list[TopLink]


async def top_links(cache: CacheCalls, store: LinkStore, limit: int) -> list[TopLink]:
    """The `limit` most clicked of the links that are still there. Raises Unavailable."""
    links: list[TopLink] = []
    for first in range(0, MOST, PAGE):
        flat = await cache.call("ZRANGE", TOP, first, first + PAGE - 1, "REV", "WITHSCORES")
        counts = list(zip(flat[::2], flat[1::2], strict=True))  # each link and its clicks
        urls = await asyncio.gather(*[store.find_url(link_id) for link_id, _ in counts])
        found = zip(counts, urls, strict=True)
        links += [TopLink(id=link_id, url=url, clicks=int(clicks)) for (link_id, clicks), url in found if url]
        if len(links) >= limit or len(counts) < PAGE:
            break
    return links[:limit]


def add_top(api: FastAPI, cache: CacheCalls, store: LinkStore) -> None:
    """`store` is asked for the urls: all of a page at once, so one that coalesces its reads."""

    @api.get("/stats/top", responses=documented(422, 503))
    async def top(limit: Annotated[int, Query(ge=1, le=100)] = 10) -> Top:
        try:
            async with asyncio.timeout(SECONDS):
                return Top(items=await top_links(cache, store, limit))
        except TimeoutError:
            raise Unavailable("the most clicked links could not be found in time") from None
