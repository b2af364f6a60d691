"""SIGTERM: what is in flight is finished, then the process ends by itself."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

from checks.eventually import eventually
from checks.plugin.load import failing_as
from checks.plugin.raw import RawAnswer, Wire
from checks.plugin.service import Service
from checks.plugin.stand import Stand
from checks.plugin.verdict import expect
from infra.runtime.protocol import Runtime

KILLED = 137  # 128 + SIGKILL: what the runtime sends after 10 s


def check_sigterm(own_stand: Stand) -> None:
    """SIGTERM finishes what is in flight, then ends with exit code 0 within 10 s"""
    service, runtime = own_stand.service, own_stand.runtime
    answer = stopped_in_mid_request(service, runtime)
    did = "Sent half of POST /links, then SIGTERM, then the other half."
    expect(answer.status == 201, did=did, expected="201: a request in flight is finished", got=answer)
    code = runtime.exit_code("app")
    got = f"exit code {code}" + (": still there after 10 s, and killed" if code == KILLED else "")
    expect(code == 0, did=did, expected="that the process ends by itself within 10 s, with exit code 0", got=got)
    with failing_as("Started the service again after SIGTERM.", "that it is ready again"):
        runtime.start("app")
    path = "/" + json.loads(answer.body)["id"]
    kept = eventually(lambda: service.get(path).status == 302, within=2)
    expect(kept, did=did, expected="the link that was acknowledged on the way out", got=service.get(path))


def stopped_in_mid_request(service: Service, runtime: Runtime, box: str = "app") -> RawAnswer:
    """The answer to a POST whose second half was sent after SIGTERM; the box has ended when this returns."""
    body = json.dumps({"url": "https://example.com/in-flight"}).encode()
    wire = Wire(service, "POST", "/links")
    wire.send(f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:9])
    time.sleep(0.3)  # the service has the headers and waits for the rest; nothing tells when
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(runtime.stop, box)
        time.sleep(1.0 if runtime.name == "docker" else 0.3)  # SIGTERM arrives while the request is half sent
        wire.send(body[9:])
        answer = wire.answer()
        stopping.result()
    return answer
