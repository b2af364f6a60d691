"""The HTTP side of the shortener, for any link store. Lab 1."""

from datetime import datetime
from typing import Annotated

from fastapi import FastAPI, Response
from pydantic import AfterValidator, BaseModel, Field
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from shortener.lab1_file.edge import Edge, Metrics
from shortener.lab1_file.links import ID_PATTERN, MAX_URL, Link, LinkStore, checked_url
from shortener.lab1_file.problems import answer_errors, documented

Url = Annotated[str, Field(max_length=MAX_URL), AfterValidator(checked_url)]


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
    regex = ID_PATTERN


class Redirect:
    """GET /{id}, the fast path: plain ASGI, with nothing of FastAPI's between the router and the store."""

    def __init__(self, store: LinkStore) -> None:
        self._find_url = store.find_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        url = await self._find_url(scope["path_params"]["id"])
        if url is None:
            raise HTTPException(404, "no link has this id")
        headers = [(b"location", url.encode()), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body"})


def create_app(store: LinkStore, base_url: str) -> FastAPI:
    register_url_convertor("link_id", LinkId())
    metrics = Metrics()
    app = FastAPI(title="URL shortener", telemetry={"tracing": False, "metrics": False, "logs": False}, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_middleware(Edge, metrics=metrics)
    answer_errors(app)
    app.router.routes.insert(0, Route("/{id:link_id}", Redirect(store), methods=["GET"]))
    app.add_route("/metrics", metrics.page)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/links", status_code=201, responses=documented(400, 408, 413, 415, 422, 503))
    async def shorten(new: NewLink, response: Response) -> LinkView:
        link = LinkView.of(await store.add(new.url), base_url)
        response.headers["location"] = link.short_url
        return link

    return app
