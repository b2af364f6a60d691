"""The `.env` file beside docker-compose.yml, and its like, read as Compose reads it. The environment wins over it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from infra.compose.interpolation import TemplateError, substitute
from infra.errors import LabError

_LINE = re.compile(r"^(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*)$")
_SINGLE = re.compile(r"^'([^']*)'\s*(?:#.*)?$")
_DOUBLE = re.compile(r'^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$$"}


def with_dotenv(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` over the variables of `folder`/.env, if there is one.

    Raises LabError that names the line it cannot read."""
    path = folder / ".env"
    return read_env_file(path, environment) if path.is_file() else dict(environment)


def read_env_file(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` over the variables of that file. Raises LabError that names the line it cannot read."""
    known = dict(environment)
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise LabError(f"{path.name}:{number}: `{line}` is not NAME=value. Correct or remove that line.")
        try:
            known.setdefault(match[1], _value(match[2], known))
        except TemplateError as error:
            raise LabError(f"{path.name}:{number}: {error}.") from error
    return known


def _value(text: str, known: Mapping[str, str]) -> str:
    """What the right-hand side means: '…' as it stands, "…" with escapes and variables, else up to a ` #`."""
    if single := _SINGLE.match(text):
        return single[1]
    if double := _DOUBLE.match(text):
        unescaped = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), double[1])
        return substitute(unescaped, known)
    if text[:1] in ("'", '"'):
        raise TemplateError(f"`{text}` opens a quotation mark that it never closes")
    return substitute(re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip(), known)
