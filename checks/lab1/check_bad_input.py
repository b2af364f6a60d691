"""Input that nobody planned for: generated, or never finished. The service answers in time, and never with a 500."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from urllib.parse import urlencode

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure

from checks.plugin.raw import RawAnswer, Wire
from checks.plugin.service import LIMIT, Service
from checks.plugin.verdict import expect

JSON = {"Content-Type": "application/json"}
RANDOM = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,  # the same service gets the same verdict
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
    print_blob=False,
)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_url_like = st.builds(
    "{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTP:/", "http://[", "http://a:", "//", ""]),
    st.text(max_size=20),
    st.sampled_from(["", "/", ":0", "]", "?", "#", "\x00", "@"]),
)
BODIES = st.one_of(
    st.binary(max_size=80),
    _values.map(lambda value: json.dumps(value).encode()),
    (_url_like | _values).map(lambda value: json.dumps({"url": value}).encode()),
    st.integers(2000, 8000).map(lambda depth: b"[" * depth),
    st.integers(400, 6000).map(lambda digits: b'{"url": ' + b"9" * digits + b"}"),
)
PATHS = st.binary(max_size=24).map(lambda raw: "/" + "".join(f"%{byte:02x}" for byte in raw)) | st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=40
).map(lambda text: "/" + text.lstrip("/"))
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(["url", "limit", "cursor"]) | st.text(max_size=5),
        st.text(max_size=30) | st.integers().map(str) | st.floats().map(str) | _url_like,
    ),
    max_size=4,
).map(lambda pairs: "/links?" + urlencode(pairs, errors="replace"))


def check_generated_input(service: Service) -> None:
    """Generated bad input never makes a 500, and never a hang"""

    @RANDOM
    @given(body=BODIES, kind=st.sampled_from([*[JSON] * 6, {}, {"Content-Type": ";;\x0b="}]))
    def bodies(body: bytes, kind: dict[str, str]) -> None:
        answer = service.request("POST", "/links", body, kind)
        expect(
            answer.status < 500,
            did=f"Sent POST /links with a generated body of {len(body)} bytes: {body[:60]!r}.",
            expected="an answer below 500: whatever a client sends is the client's mistake",
            got=answer,
        )

    @RANDOM
    @given(path=PATHS | QUERIES, method=st.sampled_from(["GET", "HEAD", "POST", "DELETE", "PUT"]))
    def paths(path: str, method: str) -> None:
        answer = service.request(method, path)
        did = f"Sent {method} {path} (generated)."
        expect(answer.status < 500, did=did, expected="an answer below 500", got=answer)

    _judged(bodies)
    _judged(paths)
    alive = service.get("/healthz")
    expect(alive.status == 200, did="Asked /healthz after all that.", expected="200", got=alive)


def _judged(generated: Callable[[], None]) -> None:
    """Run a generated test. What failed once, and not when it was sent again, has failed all the same."""
    try:
        generated()
    except FlakyFailure as error:
        raise error.exceptions[0] from error


def check_slow_body(service: Service) -> None:
    """A body that never ends is ended within 5 s, and holds up nobody else"""
    answers: dict[str, RawAnswer] = {}

    def send(name: str, trickle: bool) -> None:
        request = (
            "POST /links HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\nContent-Length: 99\\r\\n\\r\\n{"
        )
        curl = f"(printf '{request}'; sleep 9) | nc {_nc(service)}"
        wire = Wire(service, "POST", "/links", curl=curl)
        wire.send(b'Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"url"')
        while trickle and time.monotonic() - wire.start < LIMIT - 1 and wire.send(b" "):
            time.sleep(0.4)  # a byte now and then: a timeout between two bytes never strikes
        answers[name] = wire.answer()

    senders = [threading.Thread(target=send, args=args) for args in (("stops", False), ("trickles", True))]
    for sender in senders:
        sender.start()
    meanwhile = service.get("/healthz")
    for sender in senders:
        sender.join()
    expect(meanwhile.status == 200, did="Asked /healthz meanwhile.", expected="200", got=meanwhile)
    for name, answer in answers.items():
        did = f"Began POST /links with a body that {name} and never ends."
        done = answer.ended or answer.status is not None
        expect(done, did=did, expected="an answer, or the connection closed, within 5 s", got=answer)
        fits = answer.status is None or 400 <= answer.status < 500 or answer.status == 503
        expect(fits, did=did, expected="an error of the client's (408, 400)", got=answer)


def _nc(service: Service) -> str:
    return "{} {}".format(*service.host_port)
