"""The HTTP side of a region: one door for clients, and two that the other region uses. Lab 5."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from shortener.lab1_file.links import Unavailable, checked_url
from shortener.lab1_file.problems import MEDIA_TYPE, answer
from shortener.lab5_failover.regions.bodies import checked_id, json_of, text
from shortener.lab5_failover.regions.region import Changes, NotTheOwner, Region
from shortener.lab5_failover.regions.sender import Sender
from shortener.lab5_failover.regions.versions import Stale, State, received, to_document

CHANGES_BYTES = 1024 * 1024  # a link with all the siblings that it may have, as long as they may be, is half of it


class Doors:
    def __init__(self, region: Region) -> None:
        self._region = region

    async def show(self, request: Request) -> JSONResponse:
        state = await self._region.store.find(_id_in(request))
        if not state.values:
            raise HTTPException(404, "no link has this id")
        return self._link(200, _id_in(request), state)

    async def write(self, request: Request) -> JSONResponse:
        """PUT, or PATCH: a link is its url. `If-Match` holds the version that the client has read."""
        link_id, read = _id_in(request), request.headers.get("if-match", "").strip().strip('"')
        url = _url_in(await json_of(request))
        try:
            state = await self._region.write(link_id, url, read)
        except Stale as stale:
            return self._stale(link_id, stale, read)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return self._link(200, link_id, state)

    async def take_changes(self, request: Request) -> JSONResponse:
        """From the other region's outbox."""
        body, regions = await json_of(request, CHANGES_BYTES), self._region.both
        try:
            changes: Changes = [(checked_id(one["id"]), received(one["state"], regions)) for one in body]
        except (KeyError, TypeError, ValueError):
            raise HTTPException(422, "these are no changes: a list, each with a link's id and its state") from None
        await self._region.take(changes)
        return JSONResponse({})

    async def decide(self, request: Request) -> JSONResponse:
        """A write that a client sent to the other region, and that this one owns."""
        body = await json_of(request)
        try:
            link_id, read = checked_id(body["id"]), text(body["read"])
        except (KeyError, TypeError, ValueError):
            raise HTTPException(422, "this is no write: it has a link's id, a url, and what was read") from None
        url = _url_in(body)
        try:
            state = await self._region.decide(link_id, url, read)
        except Stale as stale:
            return JSONResponse({"state": to_document(stale.state)}, 412)
        except NotTheOwner:
            raise HTTPException(421, "another region owns this link") from None
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return JSONResponse({"state": to_document(state)})

    async def healthz(self, request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(self, request: Request) -> JSONResponse:
        await self._region.store.find("")
        return JSONResponse({"status": "ready"})

    def _link(self, status: int, link_id: str, state: State) -> JSONResponse:
        version = self._region.rule.version(state)
        return JSONResponse(self._view(link_id, state), status, {"ETag": f'"{version}"'})

    def _view(self, link_id: str, state: State) -> dict[str, Any]:
        """`urls` has more than one where a conflict waits for somebody to resolve it."""
        urls = sorted(one.url for one in state.values)
        return {"id": link_id, "urls": urls, "version": self._region.rule.version(state)}

    def _stale(self, link_id: str, stale: Stale, read: str) -> JSONResponse:
        """412, or 428 when the client had read nothing (RFC 6585: so that nobody overwrites unseen); with the link as
        it is, so that the client need not ask for it."""
        status = 412 if read else 428
        problem = {"title": HTTPStatus(status).phrase, "status": status, "detail": str(stale)}
        return JSONResponse({**problem, "link": self._view(link_id, stale.state)}, status, media_type=MEDIA_TYPE)


def create_app(region: Region, sender: Sender) -> Starlette:
    doors = Doors(region)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sending = asyncio.create_task(sender.run())
        yield
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        region.other.close()
        await region.store.close()

    routes = [
        Route("/links/{id}", doors.show, methods=["GET"]),
        Route("/links/{id}", doors.write, methods=["PUT", "PATCH"]),
        Route("/changes", doors.take_changes, methods=["POST"]),
        Route("/writes", doors.decide, methods=["POST"]),
        Route("/healthz", doors.healthz, methods=["GET"]),
        Route("/readyz", doors.readyz, methods=["GET"]),
    ]
    errors: dict[Any, Any] = dict.fromkeys((Exception, HTTPException, Unavailable), answer)
    return Starlette(routes=routes, exception_handlers=errors, lifespan=lifespan)


def _id_in(request: Request) -> str:
    try:
        return checked_id(request.path_params["id"])
    except ValueError:
        raise HTTPException(404, "no link has such an id") from None


def _url_in(body: Any) -> str:
    try:
        return checked_url(text(body["url"]))
    except (KeyError, TypeError):
        raise HTTPException(422, 'url: send {"url": "https://…"}') from None
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
