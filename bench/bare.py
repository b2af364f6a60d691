"""`python -m bench.bare`: the least that Starlette can do for a redirect, on the service's own server settings."""

from __future__ import annotations

import os

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shortener.__main__ import SERVER


async def redirect(_: Request) -> Response:
    return Response(status_code=302, headers={"location": "https://example.com/articles/0000001?ref=feed"})


if __name__ == "__main__":
    uvicorn.run(
        Starlette(routes=[Route("/{id}", redirect)]), port=int(os.environ["PORT"]), log_level="warning", **SERVER
    )
