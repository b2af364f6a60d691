"""Does not ask browsers to come back."""

from checks.broken.spoil import App, Message, Receive, Scope, Send, run, with_start


def without_cache_control(message: Message) -> None:
    message["headers"] = [(name, value) for name, value in message["headers"] if name != b"cache-control"]


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await with_start(app, scope, receive, send, without_cache_control)


run(http)
