"""The faults in force on a stage, written down before they act so that they can be undone by another command."""

from __future__ import annotations

from dataclasses import dataclass

from infra import state
from infra.project import Project


@dataclass(frozen=True)
class Faults:
    """The record of one project."""

    project: Project

    def all(self) -> list[state.Fault]:
        return state.faults(self.project)

    def add(self, label: str, undo: str, *arguments: str) -> None:
        """Remember the fault; the same one again stands once."""
        fault = state.Fault(label, undo, arguments)
        state.set_faults(self.project, [*(old for old in self.all() if old != fault), fault])

    def drop(self, undo: str, *arguments: str) -> None:
        state.set_faults(self.project, [old for old in self.all() if (old.undo, old.arguments) != (undo, arguments)])

    def end_of(self, box: str) -> None:
        """The box is killed or started anew: what was done to its processes is over. Faults of links stay."""
        state.set_faults(self.project, [old for old in self.all() if old.arguments != (box,)])

    def labels_of(self, box: str) -> list[str]:
        return [fault.label for fault in self.all() if box in fault.arguments]

    def clear(self) -> None:
        state.set_faults(self.project, [])
