"""The Postgres image, official or stand-in, honours what docker-compose.yml and a learner give it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checks.eventually import eventually
from checks.unit.docker.helpers import docker
from infra.runtime.docker import images

pytestmark = pytest.mark.usefixtures("engine")
Start = Callable[..., str]


@pytest.fixture(scope="module")
def image() -> str:
    return images.chosen(images.which())["LAB_POSTGRES_IMAGE"]


@pytest.fixture
def start(image: str) -> Iterator[Start]:
    """Starts a container of the image and waits until it answers over TCP; all are removed afterwards."""
    begun: list[str] = []

    def run(*options: str, command: tuple[str, ...] = ()) -> str:
        name = f"lab-postgres-{os.getpid()}-{len(begun)}"
        begun.append(name)
        docker("run", "--detach", "--name", name, "--env", "POSTGRES_PASSWORD=secret", *options, image, *command)
        ready = ("pg_isready", "--quiet", "--host=127.0.0.1", "--username=postgres")
        assert eventually(lambda: inside(name, *ready), within=30), docker("logs", name)
        return name

    yield run
    for name in begun:
        docker("rm", "--force", "--volumes", name)


def inside(name: str, *command: str) -> bool:
    return subprocess.run(["docker", "exec", name, *command], capture_output=True, check=False).returncode == 0


def query(name: str, sql: str, user: str = "postgres", database: str = "postgres") -> str:
    address = f"postgresql://{user}:secret@127.0.0.1/{database}"
    return docker("exec", name, "psql", "--no-psqlrc", "-qAt", "-c", sql, address)


def test_user_database_and_arguments_are_taken_and_it_never_runs_as_root(start: Start) -> None:
    options = ("--env", "POSTGRES_USER=lab", "--env", "POSTGRES_DB=links")
    name = start(*options, command=("-cmax_connections=17", "-cshared_preload_libraries=pg_stat_statements"))

    assert query(name, "show max_connections", "lab", "links") == "17"
    assert (
        query(name, "create extension pg_stat_statements; select count(*) > 0 from pg_stat_statements", "lab", "links")
        == "t"
    )
    assert query(name, "show data_directory", "lab", "links") == "/var/lib/postgresql/data"
    assert query(name, "show server_encoding", "lab", "links") == "UTF8"
    assert docker("exec", name, "stat", "-c", "%u", "/proc/1").strip() == "999"
    assert docker("exec", name, "cat", "/proc/1/comm") == "postgres"


def test_a_client_from_outside_needs_the_password(start: Start) -> None:
    name = start()
    address = docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)

    assert inside(name, "psql", f"postgresql://postgres:secret@{address}/postgres", "-c", "select 1")
    assert not inside(name, "psql", f"postgresql://postgres:wrong@{address}/postgres", "-c", "select 1")


def test_the_password_method_is_the_servers_own_and_loopback_is_trusted(start: Start) -> None:
    name = start(command=("-cpassword_encryption=md5",))
    rules = docker("exec", name, "cat", "/var/lib/postgresql/data/pg_hba.conf").splitlines()

    assert rules[-1].split() == ["host", "all", "all", "all", "md5"]
    assert ["host", "all", "all", "127.0.0.1/32", "trust"] in [rule.split() for rule in rules]


def test_a_user_by_number_initialises_and_runs_it(start: Start) -> None:
    name = start("--user=4711", "--env=PGDATA=/var/lib/postgresql/data/own")  # the volume's top belongs to user 999

    assert query(name, "select 1") == "1"
    assert docker("exec", name, "stat", "-c", "%u", "/proc/1").strip() == "4711"


def test_the_users_own_scripts_run_once_in_order(start: Start, tmp_path: Path) -> None:
    (tmp_path / "1.sql").write_text("create table seen (who text); insert into seen values ('sql');")
    (tmp_path / "2.sh").write_text("psql -U postgres -c \"insert into seen values ('sh')\"")
    tmp_path.chmod(0o755)
    name = start("--volume", f"{tmp_path}:/docker-entrypoint-initdb.d:ro")

    assert query(name, "select string_agg(who, ' ') from seen") == "sql sh"
    docker("restart", name)
    assert eventually(lambda: inside(name, "pg_isready", "--quiet", "--host=127.0.0.1"), within=30)
    assert query(name, "select count(*) from seen") == "2"


def test_docker_stop_is_a_fast_shutdown_even_with_a_session_open(start: Start) -> None:
    name = start()
    session = subprocess.Popen(
        ["docker", "exec", name, "psql", "postgresql://postgres:secret@127.0.0.1/", "-c", "select pg_sleep(60)"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        sleeping = "select count(*) from pg_stat_activity where query like 'select pg_sleep%'"
        assert eventually(lambda: query(name, sleeping) == "1", within=10)
        docker("stop", "--time=20", name)
        assert (
            "received fast shutdown request"
            in subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True).stderr
        )
        assert docker("inspect", "--format", "{{.State.ExitCode}}", name) == "0"
    finally:
        session.wait(timeout=30)


def test_a_missing_password_is_refused_in_words(image: str) -> None:
    done = subprocess.run(["docker", "run", "--rm", image], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "POSTGRES_PASSWORD" in done.stderr
