"""Each answer says which copy it comes from, and of which version: `Served-By: app-2 (version 1)`. Lab 4."""

import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LABEL = re.compile(r"[\w.+-]{1,40}", re.ASCII)


class ServedBy:
    """ASGI middleware. A plain header appended: anything more would be felt on a redirect."""

    def __init__(self, app: ASGIApp, environment: Mapping[str, str]) -> None:
        """Raises ValueError for a COPY or VERSION that is no label."""
        copy, version = (label(environment, name, default) for name, default in (("COPY", "app"), ("VERSION", "1")))
        self._app, self._header = app, (b"served-by", f"{copy} (version {version})".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        header = self._header

        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append(header)
            await send(message)

        return await self._app(scope, receive, send_with_header)


def label(environment: Mapping[str, str], name: str, default: str) -> str:
    value = environment.get(name) or default
    if not _LABEL.fullmatch(value):
        raise ValueError(f"{name} is {value!r}: give it up to 40 letters, digits, dots, dashes, + or _.")
    return value
