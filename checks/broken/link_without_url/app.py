"""Shows a link without its url."""

import json

from checks.broken.spoil import App, Message, Receive, Scope, Send, answer, run


async def http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] != "GET" or not scope["path"].startswith("/links/"):
        await app(scope, receive, send)
        return
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    if messages[0]["status"] == 200:
        link = json.loads(messages[1]["body"])
        del link["url"]
        await answer(send, 200, json.dumps(link).encode(), "application/json")
    else:
        for message in messages:
            await send(message)


run(http)
