"""POST /links at a limited rate for each client; what is over it gets 429 and when to come back. Lab 4.

The headers are those of draft-ietf-httpapi-ratelimit-headers-11 (May 2026): the policy, and what is left of it."""

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shortener.lab1_file.links import Unavailable
from shortener.lab1_file.problems import MEDIA_TYPE
from shortener.lab3_cache_and_events.cache import CacheAway
from shortener.lab4_many_copies.bulkhead import BulkheadFull
from shortener.lab4_many_copies.token_buckets import Taken, TokenBuckets

POLICY = "links"
EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
WITHOUT_REDIS = ("allow", "refuse")
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    rate: int  # links a second
    burst: int  # links at once
    refuse_without_redis: bool  # otherwise there is no limit while Redis is away: making links matters more than it

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Limit":
        """Raises ValueError with a sentence."""
        decision = environment.get("RATE_LIMIT_WITHOUT_REDIS") or WITHOUT_REDIS[0]
        if decision not in WITHOUT_REDIS:
            raise ValueError(f"RATE_LIMIT_WITHOUT_REDIS is {decision!r}: set it to {' or '.join(WITHOUT_REDIS)}.")
        return cls(number(environment, "RATE_LIMIT", 50), number(environment, "RATE_BURST", 100), decision == "refuse")

    @property
    def policy(self) -> str:
        """A full bucket's worth in the time that fills it: the draft knows no bucket, and this promises no more."""
        return f'"{POLICY}";q={self.burst};w={math.ceil(self.burst / self.rate)}'


class RateLimit:
    """The route's ASGI app in front of the API. A refused request's body is not even read."""

    def __init__(
        self, app: ASGIApp, limit: Limit, buckets: TokenBuckets, shed: Counter, metrics: CollectorRegistry
    ) -> None:
        self._app, self._limit, self._buckets, self._shed = app, limit, buckets, shed
        self._policy = (b"ratelimit-policy", limit.policy.encode())
        self._limited = Counter("rate_limited", "Requests that were over their client's limit.", registry=metrics)
        self._undecided = Counter("rate_limit_undecided", "Requests that Redis could not count.", registry=metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = await self._taken(client_address(scope))
        headers = [self._policy]
        if taken:
            headers.append((b"ratelimit", f'"{POLICY}";r={taken.left};t={taken.seconds}'.encode()))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].extend(headers)
            await send(message)

        app = self._app if taken is None or taken.granted else too_many(taken)
        return await app(scope, receive, send_with_headers)

    async def _taken(self, client: str) -> Taken | None:
        """None when Redis cannot tell. Raises Unavailable when such a request is refused."""
        try:
            taken = await self._buckets.take(client)
        except BulkheadFull:  # Redis is not away: to let them all pass now would be an invitation
            self._shed.inc()
            raise Unavailable("too many links are being made at once") from None
        except CacheAway:
            self._undecided.inc()
            if self._limit.refuse_without_redis:
                raise Unavailable("the rate of requests cannot be told now: Redis does not answer") from None
            return None
        if not taken.granted:
            self._limited.inc()
        return taken


def too_many(taken: Taken) -> ASGIApp:
    body: dict[str, Any] = {"type": EXCEEDED, "title": "Too Many Requests", "status": 429}
    body["detail"] = "you make more links than this service takes from one client: wait, then send it again"
    body["violated-policies"] = [POLICY]
    return JSONResponse(body, 429, {"Retry-After": str(taken.seconds)}, media_type=MEDIA_TYPE)


def client_address(scope: Scope) -> str:
    """The last that X-Forwarded-For names, which is what the balancer saw; all before it, a client can make up."""
    forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    try:
        return str(ipaddress.ip_address(forwarded[-1].rpartition(b",")[2].strip().decode()))
    except (IndexError, ValueError):
        return str(scope["client"][0]) if scope.get("client") else "unknown"


def number(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= MOST):
        raise ValueError(f"{name} is {value!r}: set it to a whole number from 1 to {MOST:,}.")
    return int(value)
