"""docker-compose.yml as a tree that remembers its lines: anchors and merge keys resolved, variables filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from infra.compose.interpolation import TemplateError, substitute
from infra.errors import LabError

_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True)
class Entry:
    """A value of the file. `where` is file:line, `label` what it is called in a sentence ("`ports` in service app").

    `kind` is YAML's idea of a scalar ("str", "int", "float", "bool", "null", "timestamp"), or "map" or "list"."""

    where: str
    label: str
    kind: str
    text: str = ""
    fields: Mapping[str, Entry] | None = None
    items: tuple[Entry, ...] | None = None

    def refuse(self, why: str) -> LabError:
        """The error that points at this line."""
        return LabError(f"{self.where}: {why}")

    def as_map(self) -> Mapping[str, Entry]:
        """The map that this is; nothing at all counts as an empty one. Raises LabError otherwise."""
        if self.kind == "null":
            return {}
        if self.fields is None:
            raise self.refuse(f"{self.label} must be a map of `name: value` lines.")
        return self.fields

    def as_list(self) -> tuple[Entry, ...]:
        if self.items is None:
            raise self.refuse(f"{self.label} must be a list, such as [one, two].")
        return self.items

    def as_text(self) -> str:
        if self.fields is not None or self.items is not None or self.kind == "null":
            raise self.refuse(f"{self.label} must be one value.")
        return self.text


def read_compose_file(path: Path, variables: Mapping[str, str]) -> Entry:
    """The whole file. Raises LabError when it is missing, is no YAML, or a variable cannot be filled in."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise LabError(
            f"{path} cannot be read ({error.strerror}). Fetch it again from the kit's repository."
        ) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LabError(f"{path.name}:{line}: this is no YAML ({error.problem}). Correct that line.") from error
    if root is None:
        raise LabError(f"{path.name} is empty. Fetch it again from the kit's repository.")
    return _Reader(path.name, variables).entry(root, "the file", "")


@dataclass(frozen=True)
class _Reader:
    file: str
    variables: Mapping[str, str]

    def entry(self, node: yaml.Node, label: str, place: str) -> Entry:
        where = f"{self.file}:{node.start_mark.line + 1}"
        if isinstance(node, yaml.MappingNode):
            return Entry(where, label, "map", fields=self.fields(node, place))
        if isinstance(node, yaml.SequenceNode):
            return Entry(where, label, "list", items=tuple(self.entry(child, label, place) for child in node.value))
        kind, text = _kind(node), str(node.value)
        if kind != "str":
            return Entry(where, label, kind, text)
        try:
            return Entry(where, label, "str", substitute(text, self.variables))
        except TemplateError as error:
            raise LabError(f"{where}: {error}.") from error

    def fields(self, node: yaml.MappingNode, place: str) -> dict[str, Entry]:
        """The map's own fields over those that it merges in with `<<`."""
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                merged |= self.merged(value, place)
                continue
            name = str(key.value)
            if name in own:
                raise LabError(f"{self.file}:{key.start_mark.line + 1}: `{name}` stands here twice. Keep one.")
            entry = self.entry(value, f"`{name}`{place}", _inside(place, name))
            # The line of the key is where a reader looks, also when the value is an alias written elsewhere.
            line = f"{self.file}:{key.start_mark.line + 1}"
            own[name] = Entry(line, entry.label, entry.kind, entry.text, entry.fields, entry.items)
        return merged | own

    def merged(self, node: yaml.Node, place: str) -> dict[str, Entry]:
        """What `<<` brings in: one map, or a list of maps of which the first wins."""
        if isinstance(node, yaml.MappingNode):
            return self.fields(node, place)
        if not isinstance(node, yaml.SequenceNode):
            raise LabError(f"{self.file}:{node.start_mark.line + 1}: `<<` must merge a map, such as `<<: *app`.")
        result: dict[str, Entry] = {}
        for child in node.value:
            result = self.merged(child, place) | result
        return result


def _inside(place: str, name: str) -> str:
    """How a field below `name` is placed in a sentence: services carry their name, everything else its service's."""
    if place == "":
        return " in services" if name == "services" else f" in `{name}`"
    return f" in service {name}" if place == " in services" else place


def _kind(node: yaml.Node) -> str:
    """YAML 1.2's idea of a plain scalar, as Compose has it: `yes` and `on` are words, not truths."""
    kind = str(node.tag).rpartition(":")[2]
    return "str" if kind == "bool" and node.value.lower() not in ("true", "false") else kind
