"""The HTTP side of the shortener, for any link store. Lab 1."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import FastAPI, Path, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from pydantic import AfterValidator, BaseModel, Field
from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from shortener.lab1_file.edge import Edge
from shortener.lab1_file.links import ID, Link, LinkStore, Unavailable, checked_url
from shortener.lab1_file.problems import answer, documented

Url = Annotated[str, Field(max_length=2048, json_schema_extra={"format": "uri"}), AfterValidator(checked_url)]

NO_TELEMETRY = {"tracing": False, "metrics": False, "logs": False}
PLAIN: dict[str, Any] = {"docs_url": None, "redoc_url": None, "redirect_slashes": False, "telemetry": NO_TELEMETRY}


class NewLink(BaseModel):
    url: Url


class LinkView(BaseModel):
    id: str
    url: str
    short_url: str
    created_at: datetime

    @classmethod
    def of(cls, link: Link, base_url: str) -> "LinkView":
        return cls(id=link.id, url=link.url, short_url=f"{base_url}/{link.id}", created_at=link.created_at)


class LinkId(StringConvertor):
    regex = ID


class Redirect:
    """GET /{id}, the fast path: plain ASGI on a plain Starlette route, beside FastAPI rather than in it."""

    def __init__(self, store: LinkStore) -> None:
        self._find_url = store.find_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        url = await self._find_url(scope["path_params"]["id"])
        if url is None:
            raise HTTPException(404, "no link has this id")
        headers = [(b"location", url.encode()), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body"})


@dataclass(frozen=True, slots=True)
class App:
    """What a later lab adds to: `service` is what a server runs, `api` the part in it that FastAPI documents."""

    service: Starlette
    api: FastAPI


def create_app(store: LinkStore, metrics: CollectorRegistry) -> App:
    """All but the routes that make and show links."""
    register_url_convertor("link_id", LinkId())
    seconds = Histogram("http_request_seconds", "Time to answer.", ("route", "status"), registry=metrics)
    errors: dict[Any, Any] = dict.fromkeys((Exception, HTTPException, RequestValidationError, Unavailable), answer)
    api = FastAPI(title="URL shortener", exception_handlers=errors, **PLAIN)
    routes = [Route("/{id:link_id}", Redirect(store), methods=["GET"]), Mount("/", api)]
    service = Starlette(routes=routes, middleware=[Middleware(Edge, seconds=seconds)], exception_handlers=errors)

    @api.get("/{id:link_id}", status_code=302, response_class=Response, responses=documented(404, 503))
    async def follow(link_id: Annotated[str, Path(alias="id")]) -> None:
        """To the url, byte for byte as it was given."""  # documented here, served by Redirect

    @api.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @api.get("/metrics", response_class=PlainTextResponse)
    async def prometheus() -> Response:
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    return App(service, api)


def add_shorten(api: FastAPI, store: LinkStore, base_url: str) -> None:
    @api.post("/links", status_code=201, responses=documented(400, 408, 413, 415, 422, 503))
    async def shorten(new: NewLink, response: Response) -> LinkView:
        link = LinkView.of(await store.add(new.url), base_url)
        response.headers["location"] = link.short_url
        return link
