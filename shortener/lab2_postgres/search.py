"""What a database makes possible: to show a link, to list the links to a url, to say whether all is ready. Lab 2."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Annotated

from fastapi import FastAPI, Path, Query
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from shortener.lab1_file.app import LinkView, Url
from shortener.lab1_file.links import ID, Link
from shortener.lab1_file.problems import documented
from shortener.lab2_postgres.postgres_store import Position, PostgresStore


class Page(BaseModel):
    items: list[LinkView]
    next: str | None


def cursor_after(link: Link) -> str:
    return urlsafe_b64encode(f"{link.created_at.isoformat()} {link.id}".encode()).decode()


def position(cursor: str) -> Position:
    """What `cursor_after` was made from. Raises ValueError for any other text."""
    created_at, link_id = urlsafe_b64decode(cursor).decode("ascii").split(" ")
    if not re.fullmatch(ID, link_id):
        raise ValueError("no id")
    return datetime.fromisoformat(created_at), link_id


def add_show(api: FastAPI, store: PostgresStore, base_url: str) -> None:
    @api.get("/links/{id:link_id}", responses=documented(404, 503))
    async def show(link_id: Annotated[str, Path(alias="id")]) -> LinkView:
        if link := await store.find(link_id):
            return LinkView.of(link, base_url)
        raise HTTPException(404, "no link has this id")


def add_search(api: FastAPI, store: PostgresStore, base_url: str) -> None:
    @api.get("/readyz", responses=documented(503))
    async def readyz() -> dict[str, str]:
        await store.check()
        return {"status": "ready"}

    @api.get("/links", responses=documented(422, 503))
    async def search(url: Url, limit: Annotated[int, Query(ge=1, le=100)] = 20, cursor: str | None = None) -> Page:
        try:
            before = None if cursor is None else position(cursor)
        except ValueError:
            raise HTTPException(422, "cursor: send the `next` of the page before as it is") from None
        links = await store.newest(url, limit + 1, before)
        following = cursor_after(links[limit - 1]) if len(links) > limit else None
        return Page(items=[LinkView.of(link, base_url) for link in links[:limit]], next=following)
