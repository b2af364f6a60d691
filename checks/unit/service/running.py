"""What is under test, running: a coroutine, in bounds; the service as a process of its own, as Procfile starts it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

import httpx

from checks.unit.postgres import free_port
from infra.project import ROOT


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def within_bounds() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(within_bounds())


@contextlib.contextmanager
def running_service(**variables: str) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """A client of the service with those variables, which answers by then, and its process."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "PORT": str(port), "BASE_URL": base_url, **variables}
    words = [sys.executable, "-m", "shortener"]
    service = subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    with service, httpx.Client(base_url=base_url, timeout=10) as client:
        try:
            wait_until_it_answers(client)
            yield client, service
        finally:
            service.terminate()


def wait_until_it_answers(client: httpx.Client) -> None:
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(httpx.TransportError):
            client.get("/healthz")
            return
        assert time.monotonic() < deadline, "the service does not answer"
