"""infra/stage.py reads docker-compose.yml as Compose itself does, whatever the profiles and variables."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Container
from typing import Any

import pytest

from infra.compose.box import Box
from infra.project import COMPOSE_FILE
from infra.stage import read_stage

pytestmark = pytest.mark.usefixtures("engine")

PROFILES = [
    frozenset({"lab-1"}),
    frozenset({"lab-1", "lab-1-two-copies"}),
    frozenset({"lab-1-two-copies"}),
    frozenset({"lab-2"}),
    frozenset({"lab-2", "tools"}),
    frozenset({"tools"}),
    frozenset({"lab-4", "lab-4-more-copies"}),
]
VARIABLES = [
    {},
    {"PORT": "9001", "POSTGRES_PASSWORD": "s3cret"},
    {"PORT": "", "POSTGRES_PASSWORD": ""},
    {"LAB_RELEASE_COMMAND": "./migrate --to 'a b' && echo done", "POSTGRES_PASSWORD": "a$b#c d"},
]


def config(profiles: frozenset[str], variables: dict[str, str]) -> dict[str, Any]:
    """`docker compose config` as a tree. It doubles each `$` of a value so that its output can be read back."""
    words = [word for profile in sorted(profiles) for word in ("--profile", profile)]
    done = subprocess.run(
        ["docker", "compose", "-p", "reading", "-f", COMPOSE_FILE, *words, "config", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")} | variables,
    )
    assert done.returncode == 0, done.stderr
    tree: dict[str, Any] = json.loads(done.stdout.replace("$$", "$"))
    return tree


def ours(box: Box) -> dict[str, Any]:
    """What `theirs` takes from Compose's tree, from our reading."""
    return {
        "aliases": set(box.aliases),
        "profiles": set(box.profiles),
        "environment": dict(box.environment),
        "command": list(box.command),
        "ports": {(port.target, port.published) for port in box.ports},
        "mounts": {(mount.source, mount.target) for mount in box.mounts},
        "depends_on": dict(box.depends_on),
        "memory": box.memory_limit,
    }


def theirs(service: dict[str, Any], standing: Container[str]) -> dict[str, Any]:
    """Compose tells of those that a service would also wait for, did they stand."""
    networks = service.get("networks") or {}
    return {
        "aliases": {alias for network in networks.values() for alias in (network or {}).get("aliases", [])},
        "profiles": set(service["profiles"]),
        "environment": service.get("environment", {}),
        "command": service.get("command") or [],
        "ports": {
            (port["target"], int(port["published"]) if port.get("published") else None)
            for port in service.get("ports", [])
        },
        "mounts": {(volume["source"], volume["target"]) for volume in service.get("volumes", [])},
        "depends_on": {
            name: how["condition"]
            for name, how in service.get("depends_on", {}).items()
            if how.get("required", True) or name in standing
        },
        "memory": int(service["mem_limit"]) if "mem_limit" in service else None,
    }


@pytest.mark.parametrize("variables", VARIABLES, ids=["defaults", "overridden", "empty", "odd-characters"])
@pytest.mark.parametrize("profiles", PROFILES, ids=lambda profiles: "+".join(sorted(profiles)))
def test_every_box_is_read_as_compose_reads_it(profiles: frozenset[str], variables: dict[str, str]) -> None:
    stage = read_stage(COMPOSE_FILE, profiles, variables)
    tree = config(profiles, variables)

    assert {box.name: ours(box) for box in stage.boxes} == {
        name: theirs(service, tree["services"]) for name, service in tree["services"].items()
    }


def test_every_port_is_bound_to_this_machine_alone() -> None:
    services = config(frozenset({"lab-1", "lab-1-two-copies", "lab-2", "tools"}), {})["services"]
    hosts = [port["host_ip"] for service in services.values() for port in service.get("ports", [])]

    assert hosts
    assert set(hosts) == {"127.0.0.1"}
