"""SIGTERM: what is in flight is finished, then the process ends by itself."""

from __future__ import annotations

import json
import threading
import time

from checks.eventually import eventually
from checks.plugin.load import failing_as
from checks.plugin.raw import Wire
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect

MOST = 10.0  # seconds


def check_sigterm(own_stand: Stand) -> None:
    """SIGTERM finishes what is in flight, then ends with exit code 0 within 10 s"""
    service, runtime = own_stand.service, own_stand.runtime
    body = json.dumps({"url": "https://example.com/in-flight"}).encode()
    wire = Wire(service, "POST", "/links")
    wire.send(f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:9])
    time.sleep(0.3)  # the service has the headers and waits for the rest; nothing tells when
    took: list[float] = []

    def stop() -> None:
        start = time.monotonic()
        runtime.stop("app")
        took.append(time.monotonic() - start)

    stopper = threading.Thread(target=stop)
    stopper.start()
    time.sleep(0.3)  # SIGTERM arrives while the request is half sent
    wire.send(body[9:])
    answer = wire.answer()
    stopper.join()
    did = "Sent half of POST /links, then SIGTERM, then the other half."
    expect(answer.status == 201, did=did, expected="201: a request in flight is finished", got=answer)
    seconds = took[0] if took else MOST
    expect(
        seconds < MOST, did=did, expected="the process ends by itself within 10 s", got=f"killed after {seconds:.0f} s"
    )
    code = runtime.exit_code("app")
    expect(code == 0, did=did, expected="exit code 0", got=f"exit code {code}")
    with failing_as("Started the service again after SIGTERM.", "that it is ready again"):
        runtime.start("app")
    link = json.loads(answer.body)
    kept = eventually(lambda: service.get("/" + link["id"]).status == 302, within=2)
    expect(kept, did=did, expected="the link that was acknowledged on the way out", got=service.get("/" + link["id"]))
