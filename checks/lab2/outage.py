"""What a client must see while the database is away: an honest 503 in time, and afterwards the service as before."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from checks.eventually import eventually
from checks.plugin.service import Answer, NoAnswer, Service
from checks.plugin.verdict import CheckFailed, expect

RECOVERY = 10.0  # seconds after the database is back
URL = "https://example.com/outage"


def expect_honest(service: Service, link_id: str, did: str, copies: int = 1) -> None:
    """Each kind of request, all at once, `copies` of each: 503 with Retry-After, or a right answer from memory."""
    requests: dict[str, Callable[[], Answer]] = {
        "GET /{id}": lambda: service.get("/" + link_id),
        "GET /links/{id}": lambda: service.get("/links/" + link_id),
        "GET /links?url=": lambda: service.get("/links?url=" + quote(URL, safe="")),
        "POST /links": lambda: service.post({"url": URL}),
    }
    calls = [(name, request) for name, request in requests.items() for _ in range(copies)]
    with ThreadPoolExecutor(len(calls) + 2) as pool:
        alive = pool.submit(service.get, "/healthz")
        ready = pool.submit(service.get, "/readyz")
        pending = [(name, pool.submit(request)) for name, request in calls]
        results = [(name, _caught(future.result)) for name, future in pending]
        _expect_alive(_caught(lambda: service.get("/healthz")), did)  # afterwards: it did not die of them
        _expect_alive(_caught(alive.result), did)
        _expect_not_ready(_caught(ready.result), did)
    for name, result in results:
        _expect_unavailable(name, result, did)


def expect_recovery(service: Service, link_id: str, did: str) -> None:
    """It serves and takes links again by itself."""

    def whole() -> bool:
        try:
            answers = service.get("/" + link_id), service.post({"url": URL}), service.get("/readyz")
        except NoAnswer:
            return False
        return [answer.status for answer in answers] == [302, 201, 200]

    if not eventually(whole, within=RECOVERY, every=0.1):
        last = _caught(lambda: service.get("/" + link_id))
        got = last.got if isinstance(last, NoAnswer) else str(last)
        expected = f"that it serves again by itself, {RECOVERY:g} s later at most"
        raise CheckFailed(did=did, expected=expected, got=got, request=getattr(last, "curl", None) or last.request)  # type: ignore[union-attr]


def _caught(call: Callable[[], Answer]) -> Answer | NoAnswer:
    try:
        return call()
    except NoAnswer as error:
        return error


def _expect_alive(result: Answer | NoAnswer, did: str) -> None:
    expected = "GET /healthz answers 200: the process lives, whatever its database does"
    if isinstance(result, NoAnswer):
        raise CheckFailed(did=did, expected=expected, got=result.got, request=result.request)
    expect(result.status == 200, did=did, expected=expected, got=result)


def _expect_not_ready(result: Answer | NoAnswer, did: str) -> None:
    expected = "GET /readyz answers 503 within 5 s: it cannot serve"
    if isinstance(result, NoAnswer):
        raise CheckFailed(did=did, expected=expected, got=result.got, request=result.request)
    expect(result.status == 503, did=did, expected=expected, got=result)


def _expect_unavailable(name: str, result: Answer | NoAnswer, did: str) -> None:
    expected = f"{name} answers 503 with Retry-After, within 5 s"
    if isinstance(result, NoAnswer):
        raise CheckFailed(did=did, expected=expected, got=result.got, request=result.request)
    if result.status in (200, 302) and name != "POST /links":
        return  # from a memory of its own: the contract does not forbid it
    kind = result.headers.get("content-type", "")
    honest = result.status == 503 and "retry-after" in result.headers and kind.startswith("application/problem+json")
    expect(honest, did=did, expected=f"{expected}, as application/problem+json", got=result)
