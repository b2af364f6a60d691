"""What every request passes on its way in and out: bodies are bounded in size and time, all is measured. Lab 1."""

import asyncio
from time import perf_counter

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES = 16 * 1024
BODY_SECONDS = 3.0


class Metrics:
    """Requests and their latency by route and status."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("route", "status")
        self._seconds = Histogram("http_request_seconds", "Time to answer.", labels, registry=self._registry)
        self._series: dict[
            tuple[object, int], Histogram
        ] = {}  # to look one up by its labels costs more than to observe

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        endpoint = scope.get("endpoint")
        series = self._series.get((endpoint, status))
        if series is None:
            paths = {route.endpoint: route.path_format for route in scope["app"].routes}
            series = self._series[endpoint, status] = self._seconds.labels(paths.get(endpoint, "none"), status)
        series.observe(seconds)

    async def page(self, _: Request) -> Response:
        return Response(generate_latest(self._registry), media_type="text/plain; version=0.0.4")


class Edge:
    """ASGI middleware. It serves HEAD as GET too: the server leaves the body out."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._observe = metrics.observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        method = scope["method"]
        if method == "HEAD":
            scope = dict(scope, method="GET")
        elif method != "GET":
            receive = bounded(receive)
        start = perf_counter()
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            return await self._app(scope, receive, send_and_note)
        finally:
            self._observe(scope, status, perf_counter() - start)


def bounded(receive: Receive) -> Receive:
    """`receive` that gives up on a body which is too long (413) or too slow (408)."""
    end = asyncio.get_running_loop().time() + BODY_SECONDS
    size = 0

    async def receive_in_bounds() -> Message:
        nonlocal size
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "the body did not arrive in time", {"Connection": "close"}) from None
        size += len(message.get("body", b""))
        if size > BODY_BYTES:
            raise HTTPException(413, f"a body has at most {BODY_BYTES:,} bytes")
        return message

    return receive_in_bounds
