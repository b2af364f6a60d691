"""Shows as many as it likes, whatever `limit` says."""

from checks.broken.spoil import App, Receive, Scope, Send, run


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await app(dict(scope, query_string=b"") if scope["path"] == "/stats/top" else scope, receive, send)


run(http)
