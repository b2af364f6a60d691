"""The deploy files of lab 1, without a network: only fields that the platforms document, and one story with the image.

The fields are those that lab 1 may use, from the platforms' references of 2026: Fly's "App configuration (fly.toml)",
Render's "Blueprint YAML Reference", Railway's "Config as Code"."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from infra.project import COMPOSE_FILE, ROOT
from infra.stage import read_stage

DEPLOY = ROOT / "labs" / "lab1_file" / "deploy"
DOCKERFILE = (ROOT / "shortener" / "Dockerfile").read_text()
PORT = int(re.findall(r"^EXPOSE (\d+)", DOCKERFILE, re.MULTILINE)[0])

FLY: dict[str, Any] = {
    "app": str,
    "primary_region": str,
    "kill_signal": str,
    "kill_timeout": int,
    "env": {"*": str},
    "http_service": {
        "internal_port": int,
        "force_https": bool,
        "auto_stop_machines": bool,
        "auto_start_machines": bool,
        "min_machines_running": int,
        "checks": [{"grace_period": str, "interval": str, "method": str, "timeout": str, "path": str}],
    },
    "mounts": [{"source": str, "destination": str, "initial_size": str}],
    "vm": [{"size": str, "memory": str}],
}
RENDER: dict[str, Any] = {
    "services": [
        {
            "type": str,
            "name": str,
            "runtime": str,
            "dockerfilePath": str,
            "dockerContext": str,
            "plan": str,
            "numInstances": int,
            "maxShutdownDelaySeconds": int,
            "healthCheckPath": str,
            "disk": {"name": str, "mountPath": str, "sizeGB": int},
            "envVars": [{"key": str, "value": str, "sync": bool}],
        }
    ]
}
RAILWAY: dict[str, Any] = {
    "$schema": str,
    "build": {"builder": str, "dockerfilePath": str, "watchPatterns": [str]},
    "deploy": {
        "numReplicas": int,
        "healthcheckPath": str,
        "healthcheckTimeout": int,
        "restartPolicyType": str,
        "restartPolicyMaxRetries": int,
        "drainingSeconds": int,
    },
}


def fly() -> dict[str, Any]:
    return tomllib.loads((DEPLOY / "fly.toml").read_text())


def render() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "render.yaml").read_text())
    return document


def railway() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DEPLOY / "railway.json").read_text())
    return document


def misfits(value: Any, schema: Any, where: str = "") -> list[str]:
    """What in `value` the schema does not know: fields, and kinds of values."""
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            return [f"{where}: a table was expected"]
        found = []
        for key, inner in value.items():
            known = schema.get(key, schema.get("*"))
            found += [f"{where}.{key} is unknown"] if known is None else misfits(inner, known, f"{where}.{key}")
        return found
    if isinstance(schema, list):
        if not isinstance(value, list):
            return [f"{where}: a list was expected"]
        return [fault for i, inner in enumerate(value) for fault in misfits(inner, schema[0], f"{where}[{i}]")]
    return [] if type(value) is schema else [f"{where} is {value!r}, and should be {schema.__name__}"]


@pytest.mark.parametrize(
    ("document", "schema"), [(fly(), FLY), (render(), RENDER), (railway(), RAILWAY)], ids=["fly", "render", "railway"]
)
def test_only_documented_fields_stand_there(document: dict[str, Any], schema: dict[str, Any]) -> None:
    assert misfits(document, schema) == []


def test_the_schema_does_find_mistakes() -> None:
    assert misfits({"ap": "x"}, FLY) == [".ap is unknown"]
    assert misfits({"http_service": {"internal_port": "8000"}}, FLY)
    assert misfits({"mounts": {"source": "links"}}, FLY) == [".mounts: a list was expected"]


def environments() -> list[dict[str, str]]:
    service = render()["services"][0]
    return [fly()["env"], {entry["key"]: entry.get("value", "") for entry in service["envVars"]}]


@pytest.mark.parametrize("environment", environments(), ids=["fly", "render"])
def test_the_environment_is_that_of_the_compose_file(environment: dict[str, str]) -> None:
    stage = read_stage(COMPOSE_FILE, frozenset({"lab-1"}), {})
    ours = stage.box("app").environment
    assert environment.keys() == ours.keys()
    for name in ("LAB", "HOST", "PORT", "LINKS_FILE"):
        assert environment[name] == ours[name], name


def test_port_health_check_and_signal_fit_the_image() -> None:
    service, web = fly()["http_service"], render()["services"][0]
    assert service["internal_port"] == PORT == int(fly()["env"]["PORT"])
    paths = {service["checks"][0]["path"], web["healthCheckPath"], railway()["deploy"]["healthcheckPath"]}
    assert paths == {"/healthz"}
    assert "/healthz" in DOCKERFILE
    assert fly()["kill_signal"] == "SIGTERM"


def test_the_links_lie_on_the_volume_and_there_is_one_copy() -> None:
    web = render()["services"][0]
    for environment, folder in zip(
        environments(), (fly()["mounts"][0]["destination"], web["disk"]["mountPath"]), strict=True
    ):
        assert PurePosixPath(environment["LINKS_FILE"]).parent == PurePosixPath(folder)
        assert folder in DOCKERFILE  # the image makes it, owned by the user that it runs as
    assert web["numInstances"] == railway()["deploy"]["numReplicas"] == 1
    assert web["plan"] != "free", "Render attaches disks to paid plans only"


def test_what_is_built_is_the_services_own_folder() -> None:
    web = render()["services"][0]
    assert (ROOT / web["dockerfilePath"]).resolve() == (ROOT / "shortener" / "Dockerfile").resolve()
    assert (ROOT / web["dockerContext"]).resolve() == (ROOT / "shortener").resolve()
    assert railway()["build"] == {
        "builder": "DOCKERFILE",
        "dockerfilePath": "Dockerfile",
        "watchPatterns": ["/shortener/**"],
    }
    assert "build" not in fly(), "`fly deploy shortener` finds that folder's Dockerfile"


def test_the_base_url_is_the_apps_own_address() -> None:
    assert fly()["env"]["BASE_URL"] == f"https://{fly()['app']}.fly.dev"
