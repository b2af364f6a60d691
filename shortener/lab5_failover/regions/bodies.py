"""What may stand in a body, and how much of it is read: whoever sends it, no more bytes and seconds than so. Lab 5."""

import asyncio
import re
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request

from shortener.lab1_file.edge import BODY_BYTES, BODY_SECONDS

ID = re.compile(r"[0-9A-Za-z-]{1,32}")


async def json_of(request: Request, most: int = BODY_BYTES) -> Any:
    """Raises HTTPException: 408 for a body that is too slow, 413 for more than `most` bytes, 400 for no JSON."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise HTTPException(413, f"a body has at most {most:,} bytes here")
    except TimeoutError:
        raise HTTPException(408, "the body did not arrive in time", {"Connection": "close"}) from None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HTTPException(400, "the body is not JSON") from None


def text(value: Any) -> str:
    """Raises TypeError for what is none."""
    if not isinstance(value, str):
        raise TypeError
    return value


def checked_id(value: Any) -> str:
    """Raises TypeError for what is no text, ValueError for one that no link may have as its id."""
    if not ID.fullmatch(text(value)):
        raise ValueError
    return text(value)
