"""Every error leaves as application/problem+json (RFC 9457), whoever raised it. Lab 1."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from shortener.lab1_file.links import Unavailable

MEDIA_TYPE = "application/problem+json"
_SCHEMA = {"type": "object", "required": ["title", "status", "detail"]}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Those errors, and any other, as OpenAPI responses."""
    content = {MEDIA_TYPE: {"schema": _SCHEMA}}
    named: dict[int | str, Any] = {
        status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses
    }
    return {**named, "default": {"description": "Any other error", "content": content}}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    body = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


async def answer(request: Request, error: Exception) -> JSONResponse:
    match error:
        case Unavailable():
            return problem(503, str(error), {"Retry-After": "1"})
        case RequestValidationError():
            return _invalid(error)
        case HTTPException(status_code=405):  # the router knows the methods of one route only, and no HEAD
            routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
            methods = {method for route in routes for method in route.methods}
            methods |= {"HEAD"} if "GET" in methods else set()
            return problem(405, f"{request.method} is not for this path", {"Allow": ", ".join(sorted(methods))})
        case HTTPException():
            return problem(error.status_code, error.detail, error.headers)
        case _:
            return problem(500, "a mistake in the service: its log says more")


def _invalid(error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    if isinstance(error.body, bytes):
        return problem(415, "send the body as Content-Type: application/json")
    if first["type"] == "json_invalid" or (first["type"], first["loc"]) == ("missing", ("body",)):
        return problem(400, "the body is not JSON")
    return problem(422, f"{first['loc'][-1]}: {first['msg'].removeprefix('Value error, ')}")
