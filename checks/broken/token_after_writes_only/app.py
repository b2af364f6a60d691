"""Only who writes gets a token: reads are remembered by nobody."""

from checks.broken.spoil import App, Message, Receive, Scope, Send, run, with_start

OURS = (b"session-token", b"set-cookie")


async def without_token(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    def change(message: Message) -> None:
        if scope["method"] in ("GET", "HEAD"):
            message["headers"] = [header for header in message["headers"] if header[0] not in OURS]

    await with_start(app, scope, receive, send, change)


run(without_token)
