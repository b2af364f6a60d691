"""The HAProxy image, official or stand-in, runs the stages' configuration as docker-compose.yml has it (lab 4)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

import pytest

from checks.eventually import eventually
from checks.unit.docker.helpers import docker
from infra.project import COMPOSE_FILE, ROOT
from infra.runtime.docker import images
from infra.stage import read_stage

pytestmark = pytest.mark.usefixtures("engine")
Start = Callable[..., str]
OPTIONS = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=99:99")


@pytest.fixture(scope="module")
def image() -> str:
    return images.chosen(images.which())["LAB_HAPROXY_IMAGE"]


@pytest.fixture
def start(image: str) -> Iterator[Start]:
    """Starts a container of the image with the stages' configuration; all are removed afterwards."""
    begun: list[str] = []
    box = read_stage(COMPOSE_FILE, frozenset({"lab-4"}), {}).box("balancer")
    given = [option for name, value in box.environment.items() for option in ("--env", f"{name}={value}")]
    folder = f"--volume={ROOT / 'infra' / 'config'}:/usr/local/etc/haproxy:ro"

    def run(*options: str, command: tuple[str, ...] = ()) -> str:
        name = f"lab-haproxy-{os.getpid()}-{len(begun)}"
        begun.append(name)
        docker("run", "--detach", "--name", name, folder, *given, *options, image, *command)
        return name

    yield run
    for name in begun:
        docker("rm", "--force", "--volumes", name)


def test_it_stands_without_rights_and_ends_when_it_is_asked(start: Start) -> None:
    name = start(*OPTIONS)
    test = ("exec", name, "bash", "-c", "(exec 3<>/dev/tcp/127.0.0.1/8404) && echo open || echo closed")
    assert eventually(lambda: docker(*test) == "open", within=15), docker("logs", name)
    assert docker("exec", name, "stat", "-c", "%u %g", "/proc/1") == "99 99"
    assert "NoNewPrivs:\t1" in docker("exec", name, "cat", "/proc/1/status")
    docker("stop", "--time=9", name)
    state = json.loads(docker("inspect", name))[0]["State"]
    assert state["ExitCode"] in (0, 143), "it was not killed"


def test_the_configuration_is_valid_for_it_too(image: str, start: Start) -> None:
    name = start(*OPTIONS, command=("-c", "-f", "/usr/local/etc/haproxy/haproxy.cfg"))
    assert docker("wait", name) == "0", docker("logs", name)


def test_its_own_user_and_signal_are_those_of_the_official_image(image: str) -> None:
    (held,) = json.loads(docker("image", "inspect", image))
    assert held["Config"]["User"] == "haproxy"
    assert held["Config"]["StopSignal"] == "SIGUSR1"
    assert held["Config"]["WorkingDir"] == "/var/lib/haproxy"
