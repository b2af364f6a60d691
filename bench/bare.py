"""`python -m bench.bare`: the least that Starlette can do for a redirect, on the service's own server settings."""

from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shortener.__main__ import serve


async def redirect(_: Request) -> Response:
    return Response(status_code=302, headers={"location": "https://example.com/articles/0000001?ref=feed"})


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/{id}", redirect)]), "127.0.0.1", int(os.environ["PORT"]))
