"""Creates links, and does not say where they are."""

from checks.broken.spoil import App, Message, Receive, Scope, Send, run, with_start


def forget_location(start: Message) -> None:
    if start["status"] == 201:
        start["headers"] = [header for header in start["headers"] if header[0] != b"location"]


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await with_start(app, scope, receive, send, forget_location)


run(http)
