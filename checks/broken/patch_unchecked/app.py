"""Takes any url in a PATCH: what does not look like one is made to."""

import json
from urllib.parse import quote

from checks.broken.spoil import App, Message, Receive, Scope, Send, run


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    async def lenient() -> Message:
        message = await receive()
        try:
            url = json.loads(message.get("body", b""))["url"].encode("utf-8", "replace")
        except (ValueError, LookupError, TypeError, AttributeError):
            return message
        if len(message["body"]) > 16 * 1024:
            return message
        body = json.dumps({"url": "https://example.com/?" + quote(url)[:1000]}).encode()
        return {**message, "body": body}

    if scope["method"] != "PATCH":
        await app(scope, receive, send)
    else:
        rest = [header for header in scope["headers"] if header[0] != b"content-length"]
        await app(dict(scope, headers=rest), lenient, send)


run(http)
