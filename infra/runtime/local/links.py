"""The links of a local stage: each runs through the stage's relay, where it can be cut, slowed and healed."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from infra.errors import LabError
from infra.project import ROOT, Project
from infra.runtime.local.process import BoxProcess, Launch


@dataclass(frozen=True)
class Link:
    """`source` reaches `target`:`port` at 127.0.0.1:`listen`, which goes on to 127.0.0.1:`goal`. `delay` in seconds."""

    source: str
    target: str
    port: int
    listen: int
    goal: int
    cut: bool = False
    delay: float = 0.0


@dataclass(frozen=True)
class Relay:
    """The relay process of one project and the file that tells it what to carry."""

    project: Project

    @property
    def process(self) -> BoxProcess:
        return BoxProcess(self.project.folder / "boxes" / ".relay.pid")

    @property
    def _file(self) -> Path:
        return self.project.folder / "relay.json"

    def links(self) -> list[Link]:
        try:
            return [Link(**row) for row in json.loads(self._file.read_text())["links"]]
        except FileNotFoundError:
            return []

    def write(self, links: list[Link], control: int) -> None:
        """Say what is to be carried; `apply` makes a running relay take it up."""
        scratch = self._file.with_suffix(".tmp")
        scratch.write_text(json.dumps({"control": control, "links": [asdict(link) for link in links]}, indent=2))
        scratch.replace(self._file)

    def spawn(self, environment: dict[str, str]) -> None:
        log = self.project.folder / "logs" / ".relay.log"
        command = [sys.executable, "-m", "infra.relay", str(self._file)]
        self.process.spawn(Launch(command, environment, ROOT, log))

    def answers(self) -> bool:
        """Whether the relay carries what the file says; it reads the file again to be sure."""
        control = json.loads(self._file.read_text())["control"]
        try:
            with socket.create_connection(("127.0.0.1", control), timeout=2.0) as connection:
                return connection.recv(16) == b"done\n"
        except OSError:
            return False

    def change(self, links: list[Link]) -> None:
        """Make it so, and return when it is. Raises LabError when the relay does not answer."""
        self.write(links, json.loads(self._file.read_text())["control"])
        if not self.answers():
            raise LabError("The stage's relay does not answer. Start it anew with `make heal`.")

    def between(self, source: str, target: str) -> set[str]:
        """The two names as a pair. Raises LabError that lists the links when there is none between them."""
        links = self.links()
        if not any({link.source, link.target} == {source, target} for link in links):
            known = ", ".join(f"{link.source} {link.target}" for link in links) or "none"
            raise LabError(f"There is no link between {source} and {target}. The links of this stage: {known}.")
        return {source, target}

    def set(self, source: str, target: str, *, cut: bool | None = None, delay: float | None = None) -> None:
        """Change the link between the two boxes, whichever of them calls the other."""
        pair = self.between(source, target)

        def changed(link: Link) -> Link:
            if {link.source, link.target} != pair:
                return link
            new_cut = link.cut if cut is None else cut
            return replace(link, cut=new_cut, delay=link.delay if delay is None else delay)

        self.change([changed(link) for link in self.links()])
