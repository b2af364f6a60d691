"""Limits a body by the length it names, and reads one that names none to its end."""

from checks.broken.spoil import App, Receive, Scope, Send, answer, run
from shortener.lab1_file import edge

edge.BODY_BYTES = 1 << 30


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    length = int(dict(scope["headers"]).get(b"content-length", b"0"))
    await (answer(send, 413, b"{}") if length > 16 * 1024 else app(scope, receive, send))


run(http)
