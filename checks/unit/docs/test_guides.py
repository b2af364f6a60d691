"""Every command that a guide names exists, every link leads somewhere, every diagram can be drawn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.core
import typer.main

from checks.unit.docs.guides import Block, blocks, commands, file_links, pages
from checks.unit.labs.test_hints import checks_of
from infra.cli import app
from infra.commands.context import LABS
from infra.project import COMPOSE_FILE, ROOT
from infra.stage import read_stage
from labs.catalogue import experiments

PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
TARGETS = {
    target
    for line in re.findall(r"^([a-z][\w% .-]*?):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in line.split()
}
BOXES = {
    name
    for lab in LABS
    for box in read_stage(COMPOSE_FILE, frozenset({f"lab-{lab}"}), {}).boxes
    for name in (box.name, *box.aliases)
}
PLACEHOLDERS = {"N", "BOX", "NAME"}


def complaint_about_make(words: list[str]) -> str:
    """What is wrong with a `make …` line; empty when nothing is."""
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    for target in (word for word in words if "=" not in word):
        verb, dash, rest = target.partition("-")
        if target not in TARGETS and f"{verb}{dash}%" not in TARGETS:
            return f"the Makefile has no {target}"
        if target in TARGETS or rest in PLACEHOLDERS:
            continue
        if verb in ("lab", "check", "load", "break"):
            if not (rest.isdigit() and int(rest) in (*LABS, 5)):
                return f"there is no lab {rest}"
            if (name := variables.get("NAME")) and name not in _names(verb, int(rest)) | PLACEHOLDERS:
                return f"{target} knows no {name}"
        elif rest not in BOXES:
            return f"there is no box {rest}"
    return ""


def _names(verb: str, lab: int) -> set[str]:
    return {experiment.name for experiment in experiments(lab)} if verb == "break" else checks_of(lab)


def complaint_about_lab(words: list[str]) -> str:
    """What is wrong with a `lab …` line; empty when nothing is."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    if words[0] not in group.commands:
        return f"there is no command {words[0]}"
    known = {option for parameter in group.commands[words[0]].params for option in parameter.opts}
    unknown = [word for word in words[1:] if word.startswith("--") and word.split("=")[0] not in known]
    return f"lab {words[0]} has no {', '.join(unknown)}" if unknown else ""


@PAGES
def test_every_command_exists(page: Path) -> None:
    complaints = []
    for words in commands(page.read_text()):
        wrong = (complaint_about_make if words[0] == "make" else complaint_about_lab)(words[1:])
        if wrong:
            complaints.append(f"`{' '.join(words)}`: {wrong}")
    assert complaints == []


def test_wrong_commands_are_noticed() -> None:
    assert complaint_about_make(["lab-2"]) == ""
    assert complaint_about_make(["lab-9"])
    assert complaint_about_make(["nonsense"])
    assert complaint_about_make(["kill-nobody"])
    assert complaint_about_make(["break-1", "NAME=nothing"])
    assert complaint_about_make(["check-1", "APP=x", "NAME=nothing"])
    assert complaint_about_lab(["replay", "deadlock", "--step"]) == ""
    assert complaint_about_lab(["replay", "deadlock", "--quick"])
    assert complaint_about_lab(["nonsense"])


@pytest.mark.parametrize("lab", LABS)
def test_each_labs_guide_names_its_commands_and_its_experiments(lab: int) -> None:
    (page,) = ROOT.glob(f"labs/lab{lab}_*/README.md")
    text = page.read_text()
    typed = {" ".join(words) for words in commands(text)}
    for verb in ("lab", "check", "load", "break"):
        assert any(line.startswith(f"make {verb}-{lab}") for line in typed), f"make {verb}-{lab}"
    for experiment in experiments(lab)[1:]:
        assert f"make break-{lab} NAME={experiment.name}" in typed


@PAGES
def test_links_to_files_resolve(page: Path) -> None:
    broken = [target for target in file_links(page.read_text()) if not (page.parent / target).exists()]
    assert broken == []


@PAGES
def test_fences_are_closed(page: Path) -> None:
    fences = [line for line in page.read_text().splitlines() if line.startswith("```")]
    assert len(fences) % 2 == 0
    assert all(fence == "```" for fence in fences[1::2])


NODE = r'\w+(?:\["[^"]+"\]|\[\("[^"]+"\)\]|\(\["[^"]+"\]\)|\{\{"[^"]+"\}\}|\[\[?"[^"]+"\]?\])?'
ARROW = re.compile(rf'^{NODE}\s*(?:-->|-\.->|<-->)\|"[^"|]+"\|\s*{NODE}$')
PASSIVE = re.compile(rf"^(?:subgraph .+|end|direction (?:LR|TB)|classDef .+|class .+|{NODE})$")


def misdrawn(diagram: Block) -> list[str]:
    """Lines of a flowchart that are neither a labelled arrow nor a shape (rectangle, cylinder, hexagon, round)."""
    head, *lines = [line.strip() for line in diagram.text.strip().splitlines()]
    wrong = [] if re.fullmatch(r"flowchart (LR|TB|TD)", head) else [head]
    return wrong + [line for line in lines if line and not ARROW.match(line) and not PASSIVE.match(line)]


@PAGES
def test_diagrams_can_be_drawn_and_every_arrow_has_a_label(page: Path) -> None:
    for diagram in blocks(page.read_text()):
        if diagram.language == "mermaid":
            assert misdrawn(diagram) == []


def test_bad_diagrams_are_noticed() -> None:
    assert misdrawn(Block("mermaid", 'flowchart LR\n A["x"] -->|"asks"| B[("y")]\n')) == []
    assert misdrawn(Block("mermaid", 'flowchart LR\n A["x"] --> B[("y")]\n'))
    assert misdrawn(Block("mermaid", 'flowchart LR\n A["x" -->|"asks"| B\n'))
    assert misdrawn(Block("mermaid", 'graph LR\n A["x"] -->|"asks"| B\n'))
