"""docker-compose.yml -> Stage: what is understood, and that everything else is refused by name and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.boxes.kinds import native
from infra.compose.box import Mount, NativeBox, Port
from infra.errors import LabError
from infra.project import COMPOSE_FILE
from infra.stage import Stage, mentions, read_stage


def read(tmp_path: Path, text: str, *profiles: str, **variables: str) -> Stage:
    file = tmp_path / "docker-compose.yml"
    file.write_text(text)
    return read_stage(file, frozenset(profiles), variables)


def service(line: str, more: str = "volumes: {data: }") -> str:
    """A compose file whose only service has that line, as line 4."""
    return f"services:\n  one:\n    x-local: {{box: procfile, process: web}}\n    {line}\n{more}\n"


def test_the_kits_own_stages() -> None:
    lab1 = read_stage(COMPOSE_FILE, frozenset({"lab-1"}), {"PORT": "8123"})
    assert [box.name for box in lab1.boxes] == ["app-lab1"]
    assert lab1.box("app") is lab1.box("app-lab1")
    assert lab1.box("app").ports == (Port(8000, 8123),)
    assert lab1.box("app").environment["BASE_URL"] == "http://127.0.0.1:8123"
    assert lab1.box("app").native == NativeBox("procfile", "web", "/healthz")
    assert {tool.name for tool in lab1.tools} >= {"seed", "import"}

    lab2 = read_stage(COMPOSE_FILE, frozenset({"lab-2"}), {})
    assert [box.name for box in lab2.boxes] == ["postgres", "migrate", "app-lab2"]
    assert lab2.links() == (("migrate", "postgres", 5432), ("app-lab2", "postgres", 5432))
    assert lab2.box("postgres").memory_limit == 512 * 1024 * 1024
    assert lab2.box("seed").environment["DATABASE_URL"] == "postgresql://lab:lab@postgres:5432/links"


def test_anchors_and_merge_keys(tmp_path: Path) -> None:
    stage = read(
        tmp_path,
        """
x-base: &base
  x-local: {box: procfile, process: web}
  mem_limit: 64m
  environment: &environment {A: one, B: two}
x-more: &more {mem_limit: 1k, command: run me}
services:
  first:
    <<: [*base, *more]
    environment: {<<: *environment, B: own}
  second:
    mem_limit: 1.5g
    <<: *base
""",
    )
    first, second = stage.boxes
    assert first.environment == {"A": "one", "B": "own"}
    assert (first.memory_limit, first.command) == (64 << 20, ("run", "me"))
    assert second.environment == {"A": "one", "B": "two"}
    assert second.memory_limit == 3 << 29


def test_profiles_choose_and_tools_stand_aside(tmp_path: Path) -> None:
    text = "services:\n" + "".join(
        f"  {name}: {{x-local: {{box: postgres}}, profiles: {profiles}}}\n"
        for name, profiles in {"always": "[]", "one": "[a, b]", "two": "[c]", "tool": "[tools]"}.items()
    )
    stage = read(tmp_path, text, "b")
    assert [box.name for box in stage.boxes] == ["always", "one"]
    assert [box.name for box in stage.tools] == ["tool"]
    assert [box.name for box in read(tmp_path, text, "tools").boxes] == ["always", "tool"]


@pytest.mark.parametrize(
    ("line", "variables", "expected"),
    [
        (
            "environment: {A: text, B: 5, C: true, D: 1.5, E: '010'}",
            {},
            {"A": "text", "B": "5", "C": "true", "D": "1.5", "E": "010"},
        ),
        ("environment: [A=1, B=, C=x=y]", {}, {"A": "1", "B": "", "C": "x=y"}),
        ("environment: {A: , B: }", {"A": "here"}, {"A": "here"}),
        ("environment: [A, B]", {"B": "here"}, {"B": "here"}),
        ("environment: {A: yes, B: on}", {}, {"A": "yes", "B": "on"}),
        ("environment: {A: '${X:-d}', B: '$$X'}", {}, {"A": "d", "B": "$X"}),
    ],
)
def test_environment(tmp_path: Path, line: str, variables: dict[str, str], expected: dict[str, str]) -> None:
    assert read(tmp_path, service(line), **variables).box("one").environment == expected


def test_commands_ports_volumes_and_aliases(tmp_path: Path) -> None:
    assert read(tmp_path, service("command: sh -c 'a b'")).box("one").command == ("sh", "-c", "a b")
    assert read(tmp_path, service("command: [a, '$${B}']")).box("one").command == ("a", "${B}")
    ports = read(tmp_path, service('ports: ["127.0.0.1:80:8000", "127.0.0.1::5432/tcp"]')).box("one").ports
    assert ports == (Port(8000, 80), Port(5432, None))
    mounts = read(tmp_path, service("volumes: [data:/a, ./here:/b, /there:/c:rw]")).box("one").mounts
    assert mounts == (Mount("data", "/a"), Mount(str(tmp_path / "here"), "/b"), Mount("/there", "/c"))
    aliases = read(tmp_path, service("networks: {default: {aliases: [x, y]}, other: }")).box("one").aliases
    assert aliases == ("x", "y")
    assert read(tmp_path, service("networks: [default]")).box("one").aliases == ()
    assert read(tmp_path, service("mem_limit: 1048576")).box("one").memory_limit == 1 << 20


def test_starting_order(tmp_path: Path) -> None:
    text = "services:\n" + "".join(
        f"  {name}: {{x-local: {{box: postgres}}, depends_on: {wanted}}}\n"
        for name, wanted in {
            "last": "[middle, first]",
            "middle": "{first: {condition: service_healthy}}",
            "first": "[]",
            "free": "{gone: {condition: service_started, required: false}}",
        }.items()
    )
    stage = read(tmp_path, text)
    assert [box.name for box in stage.boxes] == ["first", "middle", "last", "free"]
    assert stage.box("middle").depends_on == {"first": "service_healthy"}
    assert stage.box("free").depends_on == {}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("foo: 1", "`foo` in service one is not understood by the local runtime"),
        ("entrypoint: [a]", "`entrypoint` in service one is not understood"),
        ('ports: ["8000:8000"]', 'Bind it to 127.0.0.1: "127.0.0.1:8000:8000"'),
        ('ports: ["0.0.0.0:80:8000"]', "would listen beyond this machine"),
        ("ports: [5432]", '"127.0.0.1::5432"'),
        ('ports: ["127.0.0.1:80-90:80-90"]', "is no port"),
        ('ports: ["127.0.0.1:99999:80"]', "is no port"),
        ("volumes: [gone:/data]", "mounts the volume gone"),
        ("volumes: [data]", "is not understood by the local runtime"),
        ("volumes: [data:/data:rx]", "is not understood by the local runtime"),
        ("mem_limit: lots", "which is no size"),
        ("depends_on: [gone]", "depends on gone, which is no service"),
        ("depends_on: [one]", "in a circle: one -> one"),
        ("depends_on: {one: {condition: eventually}}", "`eventually` below depends_on"),
        ("environment: {A: 010}", 'Put it in quotes: A: "010"'),
        ("environment: {A: 1.50}", 'Put it in quotes: A: "1.50"'),
        ("environment: {A: 2026-11-22}", "Put it in quotes"),
        ("environment: {A: [1]}", "must be one value"),
        ("environment: text", "must be a map"),
        ("environment: {A: '${X:?give X}'}", "the variable X is missing: give X"),
        ("environment: {A: '$'}", "Write \\$\\$ for a dollar sign"),
        ('command: "\'"', "cannot be split into words"),
        ("networks: {default: {ipv4_address: 1.2.3.4}}", "`ipv4_address` below networks"),
        ("profiles: a", "must be a list"),
    ],
)
def test_what_is_not_understood_is_refused_by_line(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(LabError) as refused:
        read(tmp_path, service(line))
    assert str(refused.value).startswith("docker-compose.yml:4: ")
    assert why.replace("\\", "") in str(refused.value)


@pytest.mark.parametrize(
    ("local", "why"),
    [
        ("{ready: /healthz}", "names no `box`"),
        ("{box: procfile, process: web, optional: perhaps}", "`optional: true` is for a box with a `process`"),
        ("{box: procfile}", "names its `process`"),
        ("{box: postgres, process: web}", "names its `process`"),
        ("{box: procfile, process: web, ready: healthz}", "`ready` is a path"),
        ("{box: procfile, process: web, port: 1}", "`port` in x-local"),
        ("{box: patroni, pid_files: postgres}", "pid_files"),
        ("{box: patroni, pid_files: {postgres: [a]}}", "postgres"),
    ],
)
def test_x_local_is_checked(tmp_path: Path, local: str, why: str) -> None:
    with pytest.raises(LabError, match=r"^docker-compose\.yml:3: ") as refused:
        read(tmp_path, f"services:\n  one:\n    x-local: {local}\n")
    assert why in str(refused.value)


def test_x_local_names_the_processes_inside_a_box(tmp_path: Path) -> None:
    text = "services:\n  one: {x-local: {box: patroni, pid_files: {postgres: /data/postmaster.pid}}}\n"
    assert read(tmp_path, text).box("one").native.pid_files == {"postgres": "/data/postmaster.pid"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("services:\n  one: {image: a}\n", "docker-compose.yml:2: service one has no `x-local`"),
        ("services: {}\nservices: {}\n", "docker-compose.yml:2: `services` stands here twice"),
        ("services: {\n", "docker-compose.yml:2: this is no YAML"),
        ("volumes: {}\n", "docker-compose.yml has no `services`"),
        ("", "docker-compose.yml is empty"),
        ("services: {}\ninclude: [a]\n", "docker-compose.yml:2: `include` is not understood"),
        ("x: &a 1\nservices:\n  one:\n    <<: 5\n", "`<<` must merge a map"),
        (
            "services:\n  one: {x-local: {box: postgres}, depends_on: [two]}\n"
            "  two: {x-local: {box: postgres}, profiles: [off]}\n",
            "docker-compose.yml:2: service one depends on two, whose profiles are not active",
        ),
        (
            "services:\n  a: {x-local: {box: postgres}, networks: {default: {aliases: [app]}}}\n"
            "  b: {x-local: {box: postgres}, networks: {default: {aliases: [app]}}}\n",
            "docker-compose.yml:3: app would be both a and b",
        ),
    ],
)
def test_a_file_that_is_wrong_as_a_whole(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(LabError) as refused:
        read(tmp_path, text)
    assert why in str(refused.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        read_stage(tmp_path / "docker-compose.yml", frozenset(), {})


def test_an_unknown_box_lists_those_there_are() -> None:
    stage = read_stage(COMPOSE_FILE, frozenset({"lab-2"}), {})
    with pytest.raises(LabError, match=r"no box redis on this stage\. Its boxes: postgres, migrate, app-lab2/app"):
        stage.box("redis")


def test_what_counts_as_a_mention(tmp_path: Path) -> None:
    boxes = read_stage(COMPOSE_FILE, frozenset({"lab-2"}), {}).boxes
    value = "postgres:5432,app:80 notpostgres:1 postgres.example:2 postgres:99@host xpostgres:3 app-lab2:8000/x"
    assert [(box.name, port) for box, port, _ in mentions(value, boxes)] == [
        ("postgres", 5432),
        ("app-lab2", 80),
        ("app-lab2", 8000),
    ]


def test_every_kind_that_the_kits_file_names_is_there() -> None:
    stage = read_stage(COMPOSE_FILE, frozenset({"lab-4"}), {})
    assert all(native(box) for box in (*stage.boxes, *stage.tools))


def test_a_kind_that_is_none_is_refused(tmp_path: Path) -> None:
    text = "services:\n  one: {x-local: {box: oracle}}\n"
    with pytest.raises(LabError, match=r"service one in docker-compose.yml names the box oracle. Known: .*postgres"):
        native(read(tmp_path, text).box("one"))
