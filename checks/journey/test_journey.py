"""A newcomer's way through each lab, typed as the README says: the stage stands, is proved, is broken, is killed and
healed, and goes; in the runtime that RUNTIME names, and nothing is left behind."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from checks.eventually import eventually
from checks.matrix.stage_fixture import free_port
from infra import own_variables
from infra.project import LAB_HOME, ROOT, default_name


@dataclass(frozen=True)
class Learner:
    """Somebody at a terminal in the clone, with a project and a port of their own."""

    project: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def types(self, *words: str, within: float = 240) -> subprocess.CompletedProcess[str]:
        """Run `make` with those words; its exit code and all that it printed (stderr with stdout)."""
        environment = os.environ | {"PROJECT": self.project, "PORT": str(self.port)}
        command = ["make", "--no-print-directory", *words]
        return subprocess.run(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=within, check=False,
        )  # fmt: skip

    def succeeds(self, *words: str) -> str:
        result = self.types(*words)
        assert result.returncode == 0, f"make {' '.join(words)} ended with {result.returncode}:\n{result.stdout}"
        return result.stdout

    def status(self) -> dict[str, object]:
        record: dict[str, object] = json.loads(self.lab("status", "--json").stdout)
        return record

    def lab(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PROJECT": self.project, "PORT": str(self.port)}
        return subprocess.run(
            [ROOT / ".venv" / "bin" / "lab", *words], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip


@pytest.fixture
def learner() -> Iterator[Learner]:
    someone = Learner(f"{default_name()}-journey-{os.getpid()}", free_port())
    yield someone
    someone.lab("down", "--volumes")


def leftovers(learner: Learner) -> list[str]:
    """What still belongs to the learner's stage: state files but its kept data and the passwords that go with it,
    processes, containers, networks."""
    folder = LAB_HOME / learner.project
    files = [str(path) for path in folder.glob("*") if path.name not in ("volumes", own_variables.FILE)]
    processes = [
        " ".join(process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline", "environ"])
        if any(learner.project in word for word in process.info["cmdline"] or [])
        or any(
            learner.project in value for value in (process.info["environ"] or {}).values() if value != learner.project
        )
    ]
    return files + processes + docker_leftovers(learner.project)


def docker_leftovers(project: str) -> list[str]:
    if os.environ.get("RUNTIME") != "docker":
        return []
    found = []
    for kind in (["ps", "--all"], ["network", "ls"]):
        question = ["docker", *kind, "--quiet", "--filter", f"label=com.docker.compose.project={project}"]
        found += subprocess.run(question, capture_output=True, text=True, check=True).stdout.split()
    return found


# In containers lab 2 stands for both: the way is the same, and how lab 1 keeps its file is the local runtime's to show.
@pytest.mark.parametrize("lab", [2] if os.environ.get("RUNTIME") == "docker" else [1, 2])
def test_build_prove_break(learner: Learner, lab: int) -> None:
    printed = learner.succeeds(f"lab-{lab}")
    assert learner.url in printed
    assert f"make check-{lab}" in printed
    assert httpx.get(f"{learner.url}/healthz").status_code == 200

    proved = learner.succeeds(f"check-{lab}")
    assert "proved" in proved

    broken = learner.succeeds(f"break-{lab}")
    assert "lost" in broken

    assert "is down" in learner.succeeds("down")
    assert leftovers(learner) == []
    assert "nothing to take down" in learner.succeeds("down")


def test_lab_3_counts_each_click_and_goes_on_without_its_cache(learner: Learner) -> None:
    assert learner.url in learner.succeeds("lab-3")
    link = httpx.post(f"{learner.url}/links", json={"url": "https://example.com/followed"}).json()
    one = f"{learner.url}/links/{link['id']}"
    for _ in range(3):
        assert httpx.get(f"{learner.url}/{link['id']}").status_code == 302
    assert eventually(lambda: httpx.get(one).json()["clicks"] == 3, within=10)

    learner.succeeds("kill-redis")
    assert httpx.get(f"{learner.url}/{link['id']}").status_code == 302
    refused = httpx.patch(one, json={"url": "https://example.com/changed"})
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    learner.succeeds("heal")
    # For a second after a failure the service leaves Redis alone.
    new = {"url": "https://example.com/changed"}
    assert eventually(lambda: httpx.patch(one, json=new).status_code == 200, within=5)
    assert httpx.get(f"{learner.url}/{link['id']}").headers["location"] == new["url"]

    assert "proved" in learner.succeeds("check-3", "NAME=clicks-exact")
    assert "counted" in learner.succeeds("break-3")
    assert "is down" in learner.succeeds("down")
    assert leftovers(learner) == []
    learner.lab("down", "--volumes")
    assert list((LAB_HOME / learner.project).glob("*")) == []


def test_a_killed_database_is_told_and_healed(learner: Learner) -> None:
    learner.succeeds("lab-2")
    made = httpx.post(f"{learner.url}/links", json={"url": "https://example.com/kept"})
    assert made.status_code == 201
    learner.succeeds("kill-postgres")

    refused = httpx.get(f"{learner.url}/{made.json()['id']}", timeout=6)
    assert refused.status_code == 503
    assert "retry-after" in refused.headers
    states = {box["name"]: box["state"] for box in learner.status()["boxes"]}  # type: ignore[attr-defined]
    assert states["postgres"] == "dead"

    learner.succeeds("heal")
    answer = httpx.get(f"{learner.url}/{made.json()['id']}", timeout=6)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://example.com/kept")


def test_the_links_of_lab_1_move_to_lab_2(learner: Learner) -> None:
    learner.succeeds("lab-1")
    made = httpx.post(f"{learner.url}/links", json={"url": "https://example.com/moves"}).json()
    learner.succeeds("lab-2")
    assert httpx.get(f"{learner.url}/{made['id']}").status_code == 404
    imported = learner.lab("import")
    assert imported.returncode == 0, imported.stderr
    assert httpx.get(f"{learner.url}/{made['id']}").headers["location"] == "https://example.com/moves"


WRONG = [
    (("lab-9",), {}, "no lab 9"),
    (("lab-2",), {"PORT": "eighty"}, "PORT=eighty"),
    (("lab-2",), {"RUNTIME": "podman"}, "RUNTIME=podman"),
    (("lab-2",), {"APP": "no/such/folder"}, "APP=no/such/folder"),
    (("kill-postgres",), {}, "No stage stands"),
    (("heal",), {}, "No stage stands"),
]


@pytest.mark.parametrize(("words", "variables", "told"), WRONG, ids=[f"{words}-{told}" for words, _, told in WRONG])
def test_wrong_input_is_one_sentence(
    learner: Learner, words: tuple[str, ...], variables: dict[str, str], told: str
) -> None:
    result = learner.types(*words, *(f"{name}={value}" for name, value in variables.items()))
    assert result.returncode != 0
    assert told in result.stdout
    assert "Traceback" not in result.stdout
    assert leftovers(learner) == []


def test_a_box_that_is_not_there_is_named_with_those_that_are(learner: Learner) -> None:
    learner.succeeds("lab-1")
    result = learner.types("kill-postgres")
    assert result.returncode != 0
    assert "app-lab1" in result.stdout
    assert "Traceback" not in result.stdout


def test_the_clone_is_the_folder_that_make_runs_in() -> None:
    assert (Path(ROOT) / "Makefile").is_file()
