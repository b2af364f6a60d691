"""Says which copy answers, and not of which version it is."""

import os

from checks.broken.spoil import App, Message, Receive, Scope, Send, run, with_start


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    def change(message: Message) -> None:
        kept = [(name, value) for name, value in message["headers"] if name != b"served-by"]
        message["headers"] = [*kept, (b"served-by", os.environ["COPY"].encode())]

    await with_start(app, scope, receive, send, change)


run(http)
