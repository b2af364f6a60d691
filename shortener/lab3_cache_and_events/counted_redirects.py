"""Around the whole service: each redirect that it answers is a click. Lab 3."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shortener.lab3_cache_and_events.click_events import ClickEvents

# Otherwise a browser follows it by itself the next time, uncounted.
CACHE_CONTROL = (b"cache-control", b"private, max-age=0")


class CountedRedirects:
    """ASGI middleware. A 302 to GET is a click, one to HEAD is not."""

    def __init__(self, app: ASGIApp, clicks: ClickEvents) -> None:
        self._app, self._clicks = app, clicks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, self._closing(send))
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_and_count(message: Message) -> None:
            redirects = message.get("status") == 302
            if redirects:
                message["headers"].append(CACHE_CONTROL)
            await send(message)
            if redirects and scope["method"] == "GET":
                self._clicks.record(scope["path"][1:])

        return await self._app(scope, receive, send_and_count)

    def _closing(self, send: Send) -> Send:
        async def close_and_send(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):  # complete or failed: all requests are answered
                await self._clicks.close()
            await send(message)

        return close_and_send
