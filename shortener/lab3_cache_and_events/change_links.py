"""The routes that make, show, change and remove links, now that others hear of it. Lab 3."""

from typing import Annotated

from fastapi import FastAPI, Header, Path, Request, Response
from starlette.exceptions import HTTPException

from shortener.lab1_file.app import LinkView, NewLink
from shortener.lab1_file.problems import documented
from shortener.lab3_cache_and_events.cached_store import CachedStore
from shortener.lab3_cache_and_events.idempotency import IdempotentLinks, parsed
from shortener.lab3_cache_and_events.link_events import CountedLink, LinkEvents

Id = Annotated[str, Path(alias="id")]
Key = Annotated[str | None, Header(alias="Idempotency-Key", description="For a request that may be sent again.")]


class CountedLinkView(LinkView):
    clicks: int

    @classmethod
    def of_counted(cls, found: CountedLink | None, base_url: str) -> "CountedLinkView":
        """Raises HTTPException 404 for no link."""
        if found is None:
            raise HTTPException(404, "no link has this id")
        return cls(**LinkView.of(found.link, base_url).model_dump(), clicks=found.clicks)


def add_shorten(api: FastAPI, links: LinkEvents, once: IdempotentLinks, base_url: str) -> None:
    @api.post("/links", status_code=201, responses=documented(400, 408, 413, 415, 422, 503))
    async def shorten(new: NewLink, request: Request, response: Response, _: Key = None) -> LinkView:
        keys = request.headers.getlist("idempotency-key")
        link = await (once.add(new.url, parsed(", ".join(keys))) if keys else links.add(new.url))
        view = LinkView.of(link, base_url)
        response.headers["location"] = view.short_url
        return view


def add_show(api: FastAPI, links: LinkEvents, base_url: str) -> None:
    @api.get("/links/{id:link_id}", responses=documented(404, 503))
    async def show(link_id: Id) -> CountedLinkView:
        return CountedLinkView.of_counted(await links.find(link_id), base_url)


def add_change(api: FastAPI, links: LinkEvents, cached: CachedStore, base_url: str) -> None:
    @api.patch("/links/{id:link_id}", responses=documented(400, 404, 408, 413, 415, 422, 503))
    async def change(link_id: Id, new: NewLink) -> CountedLinkView:
        async with cached.changing(link_id):
            changed = await links.change(link_id, new.url)
        return CountedLinkView.of_counted(changed, base_url)

    @api.delete("/links/{id:link_id}", status_code=204, responses=documented(404, 503))
    async def remove(link_id: Id) -> None:
        async with cached.changing(link_id):
            removed = await links.remove(link_id)
        if not removed:
            raise HTTPException(404, "no link has this id")
