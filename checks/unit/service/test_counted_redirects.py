"""A redirect that was answered is a click; nothing else is. At the end the clicks are sent before the service goes."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from shortener.lab3_cache_and_events.counted_redirects import CountedRedirects


class Clicks:
    """In place of ClickEvents."""

    def __init__(self) -> None:
        self.recorded: list[str] = []
        self.closed = False

    def record(self, link_id: str) -> None:
        self.recorded.append(link_id)

    async def close(self) -> None:
        self.closed = True


class Service:
    """An ASGI service that answers all with one status, and lifespan as it must."""

    def __init__(self, status: int) -> None:
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await send({"type": f"lifespan.{kind}.complete"})
        else:
            headers = [(b"location", b"https://example.com")]
            await send({"type": "http.response.start", "status": self._status, "headers": headers})
            await send({"type": "http.response.body"})


def asked(clicks: Clicks, status: int = 302, **scope: str) -> list[Message]:
    """What the wrapped service sends."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append({**message, "clicks sent": clicks.closed})

    async def receive() -> Message:
        raise AssertionError("nobody waits for a body")

    asyncio.run(CountedRedirects(Service(status), clicks)(scope, receive, send))  # type: ignore[arg-type]
    return sent


@pytest.mark.parametrize(
    ("method", "status", "recorded"), [("GET", 302, ["abc1234"]), ("HEAD", 302, []), ("GET", 404, []), ("GET", 200, [])]
)
def test_a_302_to_get_is_a_click(method: str, status: int, recorded: list[str]) -> None:
    clicks = Clicks()
    start, _ = asked(clicks, status, type="http", method=method, path="/abc1234")
    assert clicks.recorded == recorded
    kept = dict(start["headers"]).get(b"cache-control")
    assert kept == (b"private, max-age=0" if status == 302 else None)


def test_the_clicks_are_sent_before_the_end_is_told() -> None:
    startup, shutdown = asked(Clicks(), type="lifespan")
    assert (startup["clicks sent"], shutdown["clicks sent"]) == (False, True)
