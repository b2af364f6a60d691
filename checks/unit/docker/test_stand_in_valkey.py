"""The Valkey image, official or stand-in, honours what docker-compose.yml and a learner give it (lab 3)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from checks.eventually import eventually
from checks.unit.docker.helpers import docker
from infra.runtime.docker import images

pytestmark = pytest.mark.usefixtures("engine")
Start = Callable[..., str]


@pytest.fixture(scope="module")
def image() -> str:
    return images.chosen(images.which())["LAB_REDIS_IMAGE"]


@pytest.fixture
def start(image: str) -> Iterator[Start]:
    """Starts a container of the image and waits until it answers; all are removed afterwards."""
    begun: list[str] = []

    def run(*options: str, command: tuple[str, ...] = ()) -> str:
        name = f"lab-valkey-{os.getpid()}-{len(begun)}"
        begun.append(name)
        docker("run", "--detach", "--name", name, *options, image, *command)
        assert eventually(lambda: ask(name, "-e", "ping") == (0, "PONG"), within=15), docker("logs", name)
        return name

    yield run
    for name in begun:
        docker("rm", "--force", "--volumes", name)


def ask(name: str, *words: str, password: str | None = None) -> tuple[int, str]:
    """valkey-cli's exit code and answer inside the container."""
    secret = ("--env", f"REDISCLI_AUTH={password}") if password else ()
    done = subprocess.run(
        ["docker", "exec", *secret, name, "valkey-cli", *words], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.strip()


def owner(name: str) -> str:
    return docker("exec", name, "stat", "-c", "%u %g", "/proc/1")


def test_it_steps_down_from_root_and_works_in_its_data_folder(start: Start) -> None:
    name = start()

    assert owner(name) == "999 999"
    assert ask(name, "config", "get", "dir")[1].split() == ["dir", "/data"]
    assert docker("exec", name, "stat", "-c", "%U %a", "/data") == "valkey 1777"
    assert docker("exec", name, "cat", "/proc/1/comm") == "valkey-server"


def test_options_alone_are_the_servers_and_so_are_the_extra_flags(start: Start) -> None:
    name = start("--env", "VALKEY_EXTRA_FLAGS=--maxclients 77", command=("--maxmemory", "64mb"))

    assert ask(name, "config", "get", "maxmemory")[1].split() == ["maxmemory", "67108864"]
    assert ask(name, "config", "get", "maxclients")[1].split() == ["maxclients", "77"]


def test_any_user_by_number_on_a_read_only_root(start: Start) -> None:
    name = start("--user=4711:4711", "--read-only", "--cap-drop=ALL", command=("valkey-server", "--save", ""))

    assert owner(name) == "4711 4711"
    assert ask(name, "set", "a", "1") == (0, "OK")


def test_a_shell_with_the_servers_settings_on_its_standard_input(start: Start) -> None:
    """As the compose file starts it: what stands in the settings is in no list of processes."""
    script = 'exec valkey-server - "$@" <<SETTINGS\nrequirepass "$SECRET"\nSETTINGS'
    command = ("sh", "-c", script, "valkey-server", "--port", "6379")
    name = start("--user=999:999", "--env=SECRET=open", "--env=REDISCLI_AUTH=open", command=command)

    assert "open" not in docker("exec", name, "cat", "/proc/1/cmdline")
    assert ask(name, "-e", "ping", password="wrong")[0] != 0
    assert ask(name, "-e", "ping", password="open") == (0, "PONG")
