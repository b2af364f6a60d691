"""Takes any limit: what it does not understand, it leaves out."""

from urllib.parse import parse_qsl, urlencode

from checks.broken.spoil import App, Receive, Scope, Send, run


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/links" and scope["method"] == "GET":
        asked = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
        kept = [(name, value) for name, value in asked if name != "limit" or (value.isdigit() and len(value) < 3)]
        scope = dict(scope, query_string=urlencode(kept).encode())
    await app(scope, receive, send)


run(http)
