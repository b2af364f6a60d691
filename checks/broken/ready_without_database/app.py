"""Each copy calls itself ready whatever it can reach."""

from checks.broken.spoil import App, Receive, Scope, Send, answer, run


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/readyz":
        await answer(send, 200, b"{}", "application/json")
    else:
        await app(scope, receive, send)


run(http)
