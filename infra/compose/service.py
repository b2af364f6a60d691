"""One service of docker-compose.yml -> Box. What the local runtime cannot honour is refused by name and line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from infra.compose.box import Box, Condition, Mount, NativeBox, Port
from infra.compose.file import Entry

# They describe the container and mean nothing to a plain process.
_DOCKER_ONLY = (
    *("build", "image", "platform", "pull_policy", "container_name", "hostname", "labels", "logging", "healthcheck"),
    *("init", "restart", "tty", "stdin_open", "cap_add", "cap_drop", "security_opt", "shm_size", "dns_opt"),
    *("user", "read_only", "tmpfs", "stop_signal", "stop_grace_period"),
)
_UNDERSTOOD = (
    *("profiles", "command", "environment", "depends_on", "ports", "expose"),
    *("volumes", "networks", "mem_limit", "x-local"),
)
_MEMORY = re.compile(r"^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$", re.IGNORECASE)
_INTEGER = re.compile(r"^(0|-?[1-9][0-9]*)$")
_DECIMAL = re.compile(r"^-?(0|[1-9][0-9]*)\.[0-9]*[1-9]$")


def read_profiles(entry: Entry) -> frozenset[str]:
    """The profiles of a service; none means that it always stands."""
    found = entry.as_map().get("profiles")
    return frozenset(item.as_text() for item in found.as_list()) if found else frozenset()


@dataclass(frozen=True)
class Surroundings:
    """What a service's entry does not say itself: the folder that relative paths start at, the variables that fill an
    environment name without a value, the declared volumes, and the services that stand."""

    folder: Path
    variables: Mapping[str, str]
    volumes: tuple[str, ...]
    standing: tuple[str, ...]


def read_service(name: str, entry: Entry, around: Surroundings) -> Box:
    """The box of that service. Raises LabError with the line of what is not understood."""
    fields = entry.as_map()
    for key, value in fields.items():
        if key not in _UNDERSTOOD and key not in _DOCKER_ONLY and (key == "x-local" or not key.startswith("x-")):
            raise value.refuse(
                f"`{key}` in service {name} is not understood by the local runtime. Remove it, or use RUNTIME=docker."
            )
    if "x-local" not in fields:
        raise entry.refuse(f"service {name} has no `x-local`. Say which native box it is: x-local: {{box: postgres}}.")

    def items(key: str) -> tuple[Entry, ...]:
        return fields[key].as_list() if key in fields else ()

    nothing = Entry(entry.where, "nothing", "null")
    return Box(
        name=name,
        aliases=_aliases(fields.get("networks", nothing)),
        profiles=read_profiles(entry),
        environment=_environment(fields.get("environment", nothing), around.variables),
        command=_command(fields.get("command", nothing)),
        ports=tuple(_port(item, name) for item in items("ports")),
        mounts=tuple(_mount(item, name, around) for item in items("volumes")),
        depends_on=_depends_on(fields.get("depends_on", nothing), around.standing),
        native=_native(fields["x-local"], name),
        memory_limit=_memory(fields["mem_limit"]) if "mem_limit" in fields else None,
        exposed=tuple(_exposed(item, name) for item in items("expose")),
    )


def _environment(entry: Entry, variables: Mapping[str, str]) -> dict[str, str]:
    """A map, or a list of NAME=value. A name without a value takes the environment's, or is left out."""
    pairs: list[tuple[str, str | None]] = []
    if entry.items is not None:
        for item in entry.items:
            name, equals, value = item.as_text().partition("=")
            pairs.append((name, value if equals else None))
    else:
        pairs = [(name, None if item.kind == "null" else _scalar(item, name)) for name, item in entry.as_map().items()]
    known = {name: variables.get(name) if value is None else value for name, value in pairs}
    return {name: value for name, value in known.items() if value is not None}


def _scalar(entry: Entry, name: str) -> str:
    """The text of an environment value. YAML would rewrite 010 or 1.50: only what stays as written may go unquoted."""
    text = entry.as_text()
    plain = {"str": True, "bool": text in ("true", "false"), "int": bool(_INTEGER.match(text))}
    if plain.get(entry.kind, bool(_DECIMAL.match(text))):
        return text
    raise entry.refuse(f'YAML reads {text} as a {entry.kind} and would rewrite it. Put it in quotes: {name}: "{text}".')


def _command(entry: Entry) -> tuple[str, ...]:
    if entry.items is not None:
        return tuple(item.as_text() for item in entry.items)
    try:
        return tuple(shlex.split(entry.as_text())) if entry.kind != "null" else ()
    except ValueError as error:
        raise entry.refuse(f"{entry.label} cannot be split into words ({error}). Correct its quotes.") from error


def _port(entry: Entry, service: str) -> Port:
    """`127.0.0.1:8000:8000` or `127.0.0.1::5432`."""
    text = entry.as_text()
    host, _, rest = text.rpartition(":")[0].partition(":")
    target = text.rpartition(":")[2].removesuffix("/tcp")
    if host != "127.0.0.1":
        inside = target if target.isdigit() else "8000"
        raise entry.refuse(
            f"port {text} of service {service} would listen beyond this machine, or is no port."
            f' Bind it to 127.0.0.1: "127.0.0.1:{inside}:{inside}", or "127.0.0.1::{inside}" for any free port.'
        )
    numbers = (target, rest or "1")
    if not all(number.isdigit() and 0 < int(number) < 65536 for number in numbers):
        raise entry.refuse(f'{text} of service {service} is no port. Write it so: "127.0.0.1:8000:8000".')
    return Port(int(target), int(rest) if rest else None)


def _exposed(entry: Entry, service: str) -> int:
    text = entry.as_text().removesuffix("/tcp")
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise entry.refuse(f'{text} of service {service} is no port. Write it so: expose: ["9092"].')
    return int(text)


def _mount(entry: Entry, service: str, around: Surroundings) -> Mount:
    """`volume:/path` or `./folder:/path`, perhaps `:ro` behind it."""
    source, _, target = entry.as_text().partition(":")
    read_only = target.endswith(":ro")
    target = target.removesuffix(":rw").removesuffix(":ro")
    if not source or not target.startswith("/") or ":" in target:
        why = f"volume `{entry.as_text()}` of service {service} is not understood by the local runtime."
        raise entry.refuse(f"{why} Write it so: links:/data, or ./folder:/data.")
    if source[0] in "./~":
        return Mount(str((around.folder / Path(source).expanduser()).resolve()), target, read_only)
    if source not in around.volumes:
        raise entry.refuse(
            f"service {service} mounts the volume {source}, which `volumes` at the end does not declare."
        )
    return Mount(source, target, read_only)


def _depends_on(entry: Entry, standing: tuple[str, ...]) -> dict[str, Condition]:
    """A list of names, or a map with conditions. With `required: false` a service that does not stand is left out."""
    if entry.items is not None:
        return {item.as_text(): "service_started" for item in entry.items}
    result: dict[str, Condition] = {}
    for name, item in entry.as_map().items():
        fields = dict(item.as_map())
        condition = fields.pop("condition").as_text() if "condition" in fields else "service_started"
        fields.pop("restart", None)
        optional = "required" in fields and fields.pop("required").as_text() == "false"
        if condition not in get_args(Condition) or fields:
            odd = next(iter(fields), condition)
            raise item.refuse(f"`{odd}` below depends_on is not understood. Use condition: {get_args(Condition)[1]}.")
        if name in standing or not optional:
            result[name] = cast("Condition", condition)
    return result


def _aliases(entry: Entry) -> tuple[str, ...]:
    """The aliases on every network that the service joins; a list of networks gives none."""
    if entry.items is not None:
        return ()
    found: dict[str, None] = {}
    for network in entry.as_map().values():
        for key, value in network.as_map().items():
            if key != "aliases":
                raise value.refuse(f"`{key}` below networks is not understood by the local runtime. Remove it.")
            found |= dict.fromkeys(item.as_text() for item in value.as_list())
    return tuple(found)


def _memory(entry: Entry) -> int:
    match = _MEMORY.match(entry.as_text())
    if match is None:
        raise entry.refuse(f"{entry.label} is `{entry.text}`, which is no size. Write it so: 256m.")
    return int(float(match[1]) * 1024 ** " kmgtp".index(match[2].lower() or " "))


def _native(entry: Entry, service: str) -> NativeBox:
    given = dict(entry.as_map())
    files = given.pop("pid_files").as_map() if "pid_files" in given else {}
    fields = {key: value.as_text() for key, value in given.items()}
    kind, process, ready = (fields.pop(key, None) for key in ("box", "process", "ready"))
    optional = fields.pop("optional", "false")
    if fields:
        raise entry.refuse(f"`{next(iter(fields))}` in x-local of service {service} is not understood. Remove it.")
    if kind is None:
        raise entry.refuse(f"x-local of service {service} names no `box`, such as postgres. Add it.")
    if (kind == "procfile") != (process is not None):
        raise entry.refuse(
            f"x-local of service {service}: a procfile box, and only it, names its `process`, such as web."
        )
    if ready is not None and not ready.startswith("/"):
        raise entry.refuse(f"x-local of service {service}: `ready` is a path such as /healthz, not {ready}.")
    if optional not in ("true", "false") or (optional == "true" and process is None):
        raise entry.refuse(f"x-local of service {service}: `optional: true` is for a box with a `process`.")
    return NativeBox(kind, process, ready, optional == "true", {name: value.as_text() for name, value in files.items()})
