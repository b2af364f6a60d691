"""What a box may: nothing beyond its work. No root, no rights, no disk but its volumes, no door beyond this machine,
and no password where others can read it. On lab 4's stage, which has every kind of box that there is."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
from typing import Any

import psutil
import pytest

from checks.unit.docker.helpers import docker
from infra.project import COMPOSE_FILE
from infra.runtime.docker.runtime import DockerRuntime

pytestmark = pytest.mark.usefixtures("engine")
PROFILES = ("lab-1", "lab-1-two-copies", "lab-2", "lab-3", "lab-4", "lab-4-more-copies", "tools")


@pytest.fixture(scope="module")
def held(stage: DockerRuntime) -> dict[str, dict[str, Any]]:
    """What the engine holds of each box."""
    names = [f"{stage.project.name}-{box.name}-1" for box in stage.stage.boxes]
    rows = json.loads(docker("inspect", *names))
    return {row["Config"]["Labels"]["com.docker.compose.service"]: row for row in rows}


def test_each_service_of_every_lab_gives_up_what_it_does_not_need() -> None:
    profiles = [word for profile in PROFILES for word in ("--profile", profile)]
    services = json.loads(docker("compose", "-f", str(COMPOSE_FILE), *profiles, "config", "--format=json"))["services"]
    assert len(services) > 10
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert not {"cap_add", "privileged"} & service.keys(), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "build" in service or service["user"].split(":")[0] not in ("0", "root"), name
        assert {port["host_ip"] for port in service.get("ports", [])} <= {"127.0.0.1"}, name


def test_the_engine_holds_each_box_to_it(held: dict[str, dict[str, Any]]) -> None:
    for name, row in held.items():
        host = row["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert row["Config"]["User"].split(":")[0] not in ("", "0", "root"), name


def processes(container: str) -> list[dict[str, str]]:
    """What the kernel says of each process of the box. One without a parent there is the engine's way in, still on its
    way to the box's user."""
    said = docker("exec", container, "sh", "-c", "for one in /proc/[0-9]*; do cat $one/status && echo; done || true")
    found = [dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line) for text in said.split("\n\n")]
    whole = [one for one in found if one.keys() >= {"Pid", "PPid", "Uid", "CapEff", "NoNewPrivs"}]
    inside = [one for one in whole if one["Pid"] == "1" or one["PPid"] != "0"]
    assert inside, said
    return inside


def test_inside_nobody_is_root_or_writes_to_the_image(held: dict[str, dict[str, Any]]) -> None:
    running = {name: row["Id"] for name, row in held.items() if row["State"]["Running"]}
    servers = {"postgres", "wal-archive", "redis", "kafka", "worker", "app-1", "balancer"}
    assert servers <= running.keys()
    for name, one in running.items():
        for process in processes(one):
            assert "0" not in process["Uid"].split(), (name, process)
            assert {int(process[rights], 16) for rights in ("CapEff", "CapPrm", "CapBnd")} == {0}, (name, process)
            assert process["NoNewPrivs"] == "1", (name, process)
        touched = subprocess.run(["docker", "exec", one, "touch", "/new"], capture_output=True, text=True, check=False)
        assert "Read-only file system" in touched.stderr, name


def test_nobody_reaches_a_box_from_beyond_this_machine(held: dict[str, dict[str, Any]]) -> None:
    bound = [
        (name, each["HostIp"], int(each["HostPort"]))
        for name, row in held.items()
        for doors in row["NetworkSettings"]["Ports"].values()
        for each in doors or []
    ]
    assert {name for name, _, _ in bound} >= {"postgres", "redis", "kafka", "app-1", "balancer"}
    assert {address for _, address, _ in bound} == {"127.0.0.1"}
    outward = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]
    for name, _, port in bound:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        for address in outward:
            with socket.socket() as stranger:
                stranger.settimeout(2)
                assert stranger.connect_ex((address, port)) != 0, f"{name} answers at {address}:{port}"


def test_the_passwords_are_the_stages_own_and_nobody_else_reads_them(
    stage: DockerRuntime, held: dict[str, dict[str, Any]]
) -> None:
    kept = stage.project.folder / "own.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    own = json.loads(kept.read_text())
    secrets = [own["POSTGRES_PASSWORD"], own["REDIS_PASSWORD"]]
    assert all(len(secret) >= 20 for secret in secrets)
    assert len(set(secrets)) == 2

    told = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    shown = {"processes": str(told), "status": str(stage.status())}
    for name, row in held.items():
        shown[f"log of {name}"] = stage.logs(name, lines=100_000)
        if row["State"]["Running"]:
            shown[f"processes of {name}"] = docker("top", row["Id"], "-o", "pid,args")
    for where, text in shown.items():
        assert not [secret for secret in secrets if secret in text], where


def test_without_its_password_no_server_answers(stage: DockerRuntime) -> None:
    import psycopg
    import redis

    host, port = stage.address("redis")
    stranger = redis.Redis(host=host, port=port, socket_timeout=2)
    with stranger, pytest.raises(redis.exceptions.AuthenticationError):
        stranger.ping()
    host, port = stage.address("postgres")
    for wrong in ("", "lab"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(host=host, port=port, user="lab", dbname="links", password=wrong, connect_timeout=3).close()
