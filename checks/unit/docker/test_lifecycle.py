"""A stage in containers stands, is looked at, and goes without a trace, whatever happens on the way."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from checks.eventually import eventually
from checks.unit.docker.helpers import APP, ask, docker, lab, left_behind, project, standing
from infra import state
from infra.errors import LabError
from infra.project import Project
from infra.runtime.docker import compose, half_up, images
from infra.runtime.docker.app import FOLDER_LABEL, folder_key
from infra.runtime.docker.containers import PROJECT_LABEL
from infra.runtime.docker.runtime import DockerRuntime
from infra.state import Fault

pytestmark = pytest.mark.usefixtures("engine")
Make = Callable[..., Project]


@pytest.fixture
def make() -> Iterator[Make]:
    """Projects whose stages are taken down afterwards, data and all."""
    made: list[Project] = []

    def new(purpose: str, lab: int = 1, app: Path = APP) -> Project:
        made.append(project(f"{purpose}{len(made)}", lab, app))
        return made[-1]

    yield new
    for one in made:
        DockerRuntime(one).down(volumes=True)
        assert left_behind(one.name) == []
        assert not one.folder.exists()
        if one.app != APP:
            for image in docker("images", "-q", "--filter", f"label={FOLDER_LABEL}={folder_key(one.app)}").split():
                subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True, check=False)


def test_up_status_address_logs_connect_down(make: Make) -> None:
    own = make("life", lab=2)
    said: list[str] = []
    runtime = DockerRuntime(own)
    runtime.up(said.append)
    boxes = {box.name: box for box in runtime.status()}

    assert any("stand-in" in line or "official" in line for line in said)
    assert {name: box.state for name, box in boxes.items()} == {
        "postgres": "running",
        "migrate": "completed",
        "app-lab2": "running",
    }
    assert all(box.ready for box in boxes.values())
    assert boxes["app-lab2"].address == f"127.0.0.1:{own.port}"
    assert (boxes["postgres"].memory or 0) > 5_000_000
    host, port = runtime.address("postgres", 5432)
    socket.create_connection((host, port), timeout=2).close()
    assert "ready to accept connections" in runtime.logs("postgres")
    done = subprocess.run(
        [*runtime.connect("postgres"), "-Atc", "select 42"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "42"
    runtime.down()
    runtime.down()
    assert left_behind(own.name) == [f"volume {own.name}_postgres-data"]


def test_up_twice_keeps_the_containers_and_data_outlives_down(make: Make) -> None:
    own = make("twice")
    runtime = standing(own)
    ask(own, "/links", b"x" * 10)
    before = docker("ps", "-q", "--no-trunc", "--filter", f"name={own.name}")
    runtime.up(lambda _: None)
    assert docker("ps", "-q", "--no-trunc", "--filter", f"name={own.name}") == before
    runtime.down()
    runtime = standing(own)
    assert ask(own, "/size")[:2] == (200, "10")


def test_up_on_a_stage_that_stands_runs_no_step_again_unless_something_has_changed(make: Make) -> None:
    own = make("again", lab=2)
    standing(own)
    step = ("inspect", "--format", "{{.State.StartedAt}}", f"{own.name}-migrate-1")
    first, said = docker(*step), list[str]()
    DockerRuntime(own).up(said.append)
    assert docker(*step) == first
    assert any("nothing has changed" in line for line in said), said

    docker("kill", f"{own.name}-app-lab2-1")
    DockerRuntime(own).up(said.append)
    assert "it stands already, but app-lab2 is dead" in said
    assert ask(own, "/readyz")[0] == 200

    changed = replace(own, variables={"POSTGRES_PASSWORD": "another"})
    environment = compose.variables(changed, images.which())
    told = compose.change(changed, environment, DockerRuntime(changed).stage.boxes)
    assert told is not None
    assert told.endswith("is described in another way now")


def test_down_needs_neither_the_app_nor_a_whole_compose_file(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = copy_of_app(tmp_path, (APP / "server.py").read_text())
    own = make("orphan", app=app)
    standing(own)
    shutil.rmtree(app)
    with monkeypatch.context() as broken:
        broken.setattr("infra.runtime.docker.runtime.COMPOSE_FILE", tmp_path / "gone.yml")
        DockerRuntime(own).down(volumes=True)
    assert left_behind(own.name) == []


def test_two_projects_side_by_side_do_not_disturb_each_other(make: Make) -> None:
    first, second = make("left"), make("right")
    standing(first)
    other = standing(second)
    other.kill("app")
    assert ask(first, "/healthz")[0] == 200
    other.down(volumes=True)
    assert ask(first, "/healthz")[0] == 200


def test_a_port_taken_is_told_with_its_holder_and_nothing_is_begun(make: Make) -> None:
    first = make("holder")
    standing(first)
    second = Project(f"{first.name}-second", lab=1, app=APP, port=first.port)
    with pytest.raises(LabError, match=rf"{first.port} is taken by the container {first.name}-app-lab1-1"):
        DockerRuntime(second).up(lambda _: None)
    assert left_behind(second.name) == []
    third = make("process")
    with socket.create_server(("127.0.0.1", third.port)), pytest.raises(LabError, match=f"process {os.getpid()}"):
        DockerRuntime(third).up(lambda _: None)
    assert left_behind(third.name) == []
    shutil.rmtree(second.folder, ignore_errors=True)


def test_ctrl_c_half_way_up_takes_everything_down_even_when_pressed_twice(make: Make) -> None:
    own = make("interrupt", lab=2)
    command = lab(own, "up", "2")
    assert eventually(lambda: left_behind(own.name), within=60)
    os.killpg(command.pid, signal.SIGINT)
    assert eventually(lambda: not (own.folder / "docker-command.json").exists(), within=15)  # the clean-up has begun
    if command.poll() is None:
        os.killpg(command.pid, signal.SIGINT)
    output, _ = command.communicate(timeout=60)

    assert command.returncode == 130, output
    assert "taken down" in output
    assert "Traceback" not in output
    assert left_behind(own.name) == []
    assert state.load(own.name) is None


def test_what_the_engine_makes_after_its_client_is_gone_goes_too(make: Make) -> None:
    own = make("late", lab=2)
    own.folder.mkdir(parents=True)
    half_up.begin(own)
    label = f"--label={PROJECT_LABEL}={own.name}"
    docker("network", "create", label, own.name)

    def late() -> None:
        assert eventually(lambda: left_behind(own.name) == [], within=20, every=0)  # it has been cleaned up
        docker("create", label, f"--name={own.name}", images.chosen(images.which())["LAB_REDIS_IMAGE"])

    with ThreadPoolExecutor() as engine:
        made = engine.submit(late)
        compose.down(own, volumes=False)
        made.result()
    assert left_behind(own.name) == []


def test_kill_9_half_way_up_is_cleaned_by_the_next_command(make: Make) -> None:
    own = make("killed", lab=2)
    command = lab(own, "up", "2")
    assert eventually(lambda: left_behind(own.name), within=60)
    command.kill()
    command.communicate(timeout=10)
    down = lab(own, "down")
    output, _ = down.communicate(timeout=60)

    assert down.returncode == 0, output
    assert left_behind(own.name) == []
    assert not [one for one in psutil.process_iter() if own.name in " ".join(_words(one))]


def test_up_after_kill_9_half_way_up_stands_with_a_whole_database(make: Make) -> None:
    own = make("resumed", lab=2)
    command = lab(own, "up", "2")
    assert eventually(lambda: docker("ps", "-q", "--filter", f"name={own.name}-postgres"), within=60)
    command.kill()
    command.communicate(timeout=10)
    runtime = standing(own)
    select = [*runtime.connect("postgres"), "-Atc", "select current_database()"]
    assert subprocess.run(select, capture_output=True, text=True, check=True).stdout.strip() == "links"


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_after_a_reboot_the_stage_stands_anew_without_its_stale_faults(make: Make) -> None:
    own = make("reboot", lab=2)
    runtime = standing(own)
    state.set_faults(own, [Fault("app-lab2 is paused", "resume", ("app-lab2",))])
    docker("kill", *docker("ps", "-q", "--filter", f"name={own.name}").split())
    assert [box.state for box in runtime.status()] == ["dead", "completed", "dead"]
    runtime = standing(own)
    assert runtime.faults() == []
    assert all(box.ready for box in runtime.status())


def test_an_engine_that_is_gone_is_one_sentence(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    own = make("gone")
    runtime = standing(own)
    with monkeypatch.context() as gone:
        gone.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        for verb in (runtime.status, runtime.down, runtime.heal):
            with pytest.raises(LabError, match="engine does not answer any more"):
                verb()


def test_a_service_that_ends_at_once_is_told_with_its_last_lines(make: Make, tmp_path: Path) -> None:
    own = make("broken", app=copy_of_app(tmp_path, "raise SystemExit('no configuration found')"))
    with pytest.raises(LabError, match=r"(?s)app-lab1.*no configuration found"):
        DockerRuntime(own).up(lambda _: None)
    assert left_behind(own.name) == []


def test_a_migration_that_fails_is_told_with_its_last_lines(make: Make, tmp_path: Path) -> None:
    app = copy_of_app(tmp_path, (APP / "server.py").read_text())
    (app / "Procfile").write_text("web: python server.py\nrelease: echo 'no such column'; exit 3\n")
    own = make("migration", lab=2, app=app)
    with pytest.raises(LabError, match=r"(?s)migrate ended with exit code 3.*no such column"):
        DockerRuntime(own).up(lambda _: None)
    assert left_behind(own.name) == []


def test_a_build_that_fails_is_told_with_its_last_lines(make: Make, tmp_path: Path) -> None:
    app = copy_of_app(tmp_path, "")
    (app / "Dockerfile").write_text("ARG PYTHON_IMAGE\nFROM ${PYTHON_IMAGE}\nRUN echo the wheel is missing; exit 4\n")
    own = make("build", app=app)
    with pytest.raises(LabError, match="the wheel is missing"):
        DockerRuntime(own).up(lambda _: None)
    assert left_behind(own.name) == []


def test_an_app_without_a_dockerfile_is_one_sentence(make: Make, tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: ./server\n")
    with pytest.raises(LabError, match="has no Dockerfile"):
        DockerRuntime(make("bare", app=tmp_path)).up(lambda _: None)


def test_the_image_is_built_anew_only_when_the_content_has_changed(make: Make, tmp_path: Path) -> None:
    app = copy_of_app(tmp_path, (APP / "server.py").read_text() + f"\n# {tmp_path} {os.getpid()}\n")
    own = make("content", app=app)
    said: list[str] = []
    DockerRuntime(own).up(said.append)
    assert any("image is built" in line for line in said)
    said.clear()
    DockerRuntime(own).up(said.append)
    assert not any("image is built" in line for line in said)
    (app / "server.py").write_text((APP / "server.py").read_text().replace('"alive"', '"anew"'))
    standing(own)
    assert ask(own, "/healthz")[:2] == (200, "anew")


def test_a_tool_runs_with_its_arguments_and_input(
    make: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    app = copy_of_app(tmp_path, (APP / "server.py").read_text())
    (app / "Procfile").write_text("web: python server.py\nseed: sh -c 'cat; echo got $#; exit 7' sh\n")
    runtime = standing(make("tool", lab=2, app=app))
    given = tmp_path / "input"
    given.write_text("from a file\n")
    assert runtime.run("seed", ["one two", "three"], stdin=given) == 7
    assert capfd.readouterr().out.split("\n")[:2] == ["from a file", "got 2"]
    with pytest.raises(LabError, match="no `import` line"):
        runtime.run("import")


def test_the_compose_file_stands_by_itself_with_the_images_of_this_machine(make: Make) -> None:
    own = make("bare-compose", lab=2)
    runtime = DockerRuntime(own)
    docker("image", "inspect", images.chosen(images.which())["LAB_POSTGRES_IMAGE"])
    options = ["-p", own.name, "-f", str(APP.parents[3] / "docker-compose.yml"), "--profile", "lab-2"]
    if images.which() == "stand-ins":
        options += ["--env-file", str(images.STAND_INS_FILE)]
    environment = os.environ | {"PORT": str(own.port), "APP": str(APP), "LAB_RELEASE_COMMAND": "true"}
    environment["LAB_APP_IMAGE"] = f"{own.name}-app"
    done = subprocess.run(
        ["docker", "compose", *options, "up", "--wait"], env=environment, capture_output=True, check=False
    )
    try:
        assert done.returncode == 0, done.stderr
        assert all(box.ready for box in runtime.status())
    finally:
        runtime.down(volumes=True)
        docker("image", "rm", f"{own.name}-app")


def copy_of_app(folder: Path, server: str) -> Path:
    app = folder / "app"
    shutil.copytree(APP, app, ignore=shutil.ignore_patterns("__pycache__"))
    (app / "server.py").write_text(server)
    return app
