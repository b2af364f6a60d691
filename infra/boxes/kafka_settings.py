"""Kafka's server.properties for a local stage: what the compose file says, with addresses on this machine.

A Kafka client goes where the broker tells it to. So each link from another box gets a listener of its own, which
advertises that link's relay: the link can then be cut and slowed like any other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from infra.boxes.native import Plan
from infra.errors import LabError

# Variables of the official image that are no settings of the broker (the image's own list).
_NO_SETTINGS = re.compile(
    r"KAFKA_(HEAP_OPTS|OPTS|JMX_OPTS|JVM_PERFORMANCE_OPTS|GC_LOG_OPTS|LOG4J_\w+|TOOLS_\w+|VERSION)"
)

LOG4J = """\
status = error
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = OUT
logger.server.name = kafka.server
logger.server.level = info
"""


def settings(plan: Plan, data: Path) -> dict[str, str]:
    """Name and value of each broker setting. Raises LabError for a listener on a port that the box does not name."""
    given = from_environment(plan.environment)
    listeners = [_listener(text) for text in given.get("listeners", "").split(",") if text]
    protocols = dict(pair.split(":") for pair in given.get("listener.security.protocol.map", "").split(",") if pair)
    controllers = given.get("controller.listener.names", "").split(",")
    here = {name: (_here(plan, port), _here(plan, port)) for name, port in listeners}
    for number, entrance in enumerate(plan.entrances, start=1):
        base = next((name for name, port in listeners if port == entrance.inside), None)
        if base is None:
            raise LabError(f"{plan.box.name} has no listener on port {entrance.inside}. Add one to KAFKA_LISTENERS.")
        here[f"{base}_{number}"] = (entrance.listen, entrance.found_at)
        protocols[f"{base}_{number}"] = protocols.get(base, "PLAINTEXT")
    quorum = given.get("controller.quorum.voters", "")
    voters = re.sub(r"@[^:,]+:(\d+)", lambda m: f"@127.0.0.1:{_here(plan, int(m[1]))}", quorum)
    return {
        # One thread is enough for each of the listeners, of which there is one for each client.
        "num.network.threads": "1",
        **given,
        "listeners": ",".join(f"{name}://127.0.0.1:{listen}" for name, (listen, _) in here.items()),
        "advertised.listeners": ",".join(
            f"{name}://127.0.0.1:{found}" for name, (_, found) in here.items() if name not in controllers
        ),
        "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in protocols.items()),
        "controller.quorum.voters": voters,
        "log.dirs": str(data),
    }


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """KAFKA_FOO_BAR=x -> foo.bar: x, by the official image's rule (`__` is an underscore, `___` a dash)."""
    found = {}
    for name, value in environment.items():
        if name.startswith("KAFKA_") and not _NO_SETTINGS.fullmatch(name):
            key = re.sub("_{1,3}", lambda m: {1: ".", 2: "_", 3: "-"}[len(m[0])], name.removeprefix("KAFKA_"))
            found[key.lower()] = value
    return found


def as_properties(values: Mapping[str, str]) -> str:
    """The text of a Java properties file; a backslash is its escape."""
    return "".join(f"{name}={value.replace(chr(92), chr(92) * 2)}\n" for name, value in values.items())


def _listener(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"\s*([A-Za-z_]+)://[^:]*:(\d+)\s*", text)
    if found is None:
        raise LabError(f"`{text}` in KAFKA_LISTENERS is no listener. Write it so: BOXES://:9092.")
    return found[1], int(found[2])


def _here(plan: Plan, port: int) -> int:
    if port not in plan.ports:
        raise LabError(
            f"{plan.box.name} listens on port {port}, which docker-compose.yml does not name. Add it to its `expose`."
        )
    return plan.ports[port]
