"""The requests that a database makes possible: one link, the links to a url, and whether the service is ready. Lab 2."""

import base64
import re
import struct
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import FastAPI, Path, Query
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from shortener.lab1_file.app import LinkView, Url
from shortener.lab1_file.links import ID_PATTERN
from shortener.lab1_file.problems import documented
from shortener.lab2_postgres.postgres_store import Position, PostgresStore

_CURSOR = struct.Struct(">q7s")  # microseconds since 1970, id: 15 bytes, 20 characters of base64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Page(BaseModel):
    items: list[LinkView]
    next: str | None


def encoded(position: Position) -> str:
    created_at, link_id = position
    return base64.urlsafe_b64encode(
        _CURSOR.pack((created_at - _EPOCH) // timedelta(microseconds=1), link_id.encode())
    ).decode()


def decoded(cursor: str) -> Position:
    """Raises ValueError for anything that `encoded` did not make."""
    try:
        microseconds, link_id = _CURSOR.unpack(base64.b64decode(cursor, altchars="-_", validate=True))
        position = _EPOCH + timedelta(microseconds=microseconds), link_id.decode("ascii")
    except (ValueError, OverflowError, struct.error) as error:
        raise ValueError("no cursor") from error
    if not re.fullmatch(ID_PATTERN, position[1]):
        raise ValueError("no cursor")
    return position


def add_search(app: FastAPI, store: PostgresStore, base_url: str) -> None:
    @app.get("/readyz", responses=documented(503))
    async def readyz() -> dict[str, str]:
        await store.check()
        return {"status": "ready"}

    @app.get("/links/{id:link_id}", responses=documented(404, 503))
    async def show(link_id: Annotated[str, Path(alias="id")]) -> LinkView:
        link = await store.find(link_id)
        if link is None:
            raise HTTPException(404, "no link has this id")
        return LinkView.of(link, base_url)

    @app.get("/links", responses=documented(422, 503))
    async def search(url: Url, limit: Annotated[int, Query(ge=1, le=100)] = 20, cursor: str | None = None) -> Page:
        try:
            before = decoded(cursor) if cursor is not None else None
        except ValueError:
            raise HTTPException(422, "cursor: use the `next` of the page before, as it is") from None
        links = await store.newest(url, limit + 1, before)
        last = links[limit - 1] if len(links) > limit else None
        items = [LinkView.of(link, base_url) for link in links[:limit]]
        return Page(items=items, next=encoded((last.created_at, last.id)) if last else None)
