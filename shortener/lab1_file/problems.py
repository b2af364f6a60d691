"""Every error leaves as application/problem+json (RFC 9457): one shape, whoever raised it. Lab 1."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from shortener.lab1_file.links import Unavailable

_SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"}},
    "required": ["title", "status", "detail"],
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Those errors as OpenAPI responses."""
    content = {"application/problem+json": {"schema": _SCHEMA}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    body = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    headers = dict(error.headers or {})
    if error.status_code == 405:  # the router names the methods of one route only, and knows no HEAD
        there = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
        methods = {method for route in there for method in route.methods}
        headers["Allow"] = ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))
    return problem(error.status_code, error.detail, headers)


async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    where = first["loc"]
    if isinstance(error.body, bytes):
        return problem(415, "send the body as Content-Type: application/json")
    if first["type"] == "json_invalid" or (first["type"] == "missing" and where == ("body",)):
        return problem(400, "the body is not JSON")
    message = first["msg"].removeprefix("Value error, ")
    return problem(422, f"{where[-1]}: {message}")


async def _unavailable(_: Request, error: Unavailable) -> JSONResponse:
    return problem(503, str(error), {"Retry-After": "1"})


async def _bug(_: Request, __: Exception) -> JSONResponse:
    return problem(500, "a mistake in the service; its log says more")


def answer_errors(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, _http_error)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]
    app.add_exception_handler(Unavailable, _unavailable)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _bug)
