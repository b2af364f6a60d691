"""Says nothing of how long a redirect may be kept."""

from checks.broken.spoil import App, Message, Receive, Scope, Send, run, with_start


def say_nothing(start: Message) -> None:
    start["headers"] = [header for header in start["headers"] if header[0] != b"cache-control"]


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await with_start(app, scope, receive, send, say_nothing)


run(http)
