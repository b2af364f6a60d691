"""Tidies the url in Location, as many a redirect helper does."""

from urllib.parse import quote

from checks.broken.spoil import App, Message, Receive, Scope, Send, run, with_start


def tidy(start: Message) -> None:
    start["headers"] = [
        (name, quote(value.decode(), safe=":/%#?=@[]!$&'()*+,;").encode() if name == b"location" else value)
        for name, value in start["headers"]
    ]


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await with_start(app, scope, receive, send, tidy)


run(http)
