"""What every request passes on its way in and out: bodies are bounded in size and time, answers are timed. Lab 1."""

import asyncio
from time import perf_counter
from typing import Any

from prometheus_client import Histogram
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES = 16 * 1024
BODY_SECONDS = 3.0


class Edge:
    """ASGI middleware. It serves HEAD as GET, too: the server leaves the body out."""

    def __init__(self, app: ASGIApp, seconds: Histogram) -> None:
        """`seconds` has the labels route and status."""
        self._app, self._seconds = app, seconds
        self._series: dict[tuple[object, int], Histogram] = {}  # to find one by its labels costs more than to observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if scope["method"] == "HEAD":
            scope = dict(scope, method="GET")
        elif scope["method"] != "GET":
            receive = bounded(receive)
        start, status = perf_counter(), 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            return await self._app(scope, receive, send_and_note)
        finally:
            self._observe(scope, status, perf_counter() - start)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        endpoint = scope.get("endpoint")
        series = self._series.get((endpoint, status))
        if series is None:
            paths: dict[Any, str] = {
                route.endpoint: route.path_format for route in scope["app"].routes if isinstance(route, Route)
            }
            series = self._series[endpoint, status] = self._seconds.labels(paths.get(endpoint, "none"), status)
        series.observe(seconds)


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
