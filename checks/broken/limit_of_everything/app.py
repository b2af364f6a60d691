"""Limits whatever a client asks for, reading too."""

from typing import Any

from checks.broken.spoil import App, Receive, Scope, Send, run
from shortener.lab4_many_copies import rate_limit
from shortener.lab4_many_copies.rate_limit import RateLimit

UNLIMITED = {"/readyz", "/healthz", "/metrics"}
begin = RateLimit.__init__
limits: list[RateLimit] = []


def known(self: RateLimit, *parts: Any) -> None:
    begin(self, *parts)
    limits.append(self)


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] == "GET" and scope["path"] not in UNLIMITED:
        taken = await limits[0]._taken(rate_limit.client_address(scope))
        if taken is not None and not taken.granted:
            await rate_limit.too_many(taken)(scope, receive, send)
            return
    await app(scope, receive, send)


RateLimit.__init__ = known  # type: ignore[method-assign,assignment]
run(http)
