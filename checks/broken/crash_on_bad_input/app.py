"""Trusts its input: looks into the document before it knows that it is one."""

import json

from checks.broken.spoil import App, Message, Receive, Scope, Send, run


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()

    async def again() -> Message:
        return message

    if scope["method"] == "POST" and scope["path"] == "/links":
        json.loads(message["body"])["url"].startswith("http")
    await app(scope, again, send)


run(http)
