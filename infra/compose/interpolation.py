"""Variables in docker-compose.yml and .env, by Compose's rules: $NAME, ${NAME}, with defaults, required, replaced.

The rules are those of the Compose specification, chapter Interpolation."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")


class TemplateError(ValueError):
    """The text holds a `$` that starts no variable, or a required variable is missing. `str()` says which."""


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """`text` with its variables filled in; `$$` is a dollar sign; an unset variable is the empty string.

    Raises TemplateError for a malformed variable and for `${NAME:?why}` without NAME."""
    parts: list[str] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0:
        parts.append(text[position:dollar])
        value, position = _one(text, dollar, variables)
        parts.append(value)
    return "".join(parts) + text[position:]


def _one(text: str, dollar: int, variables: Mapping[str, str]) -> tuple[str, int]:
    """The value of what starts at `text[dollar]`, and where the text goes on."""
    after = text[dollar + 1 : dollar + 2]
    if after == "$":
        return "$", dollar + 2
    if after == "{":
        end = _closing_brace(text, dollar + 1)
        return _braced(text[dollar + 2 : end], variables), end + 1
    name = _NAME.match(text, dollar + 1)
    if name is None:
        raise TemplateError(f"`{text}` holds a $ that starts no variable. Write $$ for a dollar sign")
    return variables.get(name[0], ""), name.end()


def _closing_brace(text: str, opening: int) -> int:
    depth = 0
    for index in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    raise TemplateError(f"`{text}` opens a ${{ that it never closes. Add the missing }}")


def _braced(inside: str, variables: Mapping[str, str]) -> str:
    """The value of `${inside}`."""
    name = _NAME.match(inside)
    if name is None:
        raise TemplateError(f"`${{{inside}}}` names no variable. Write $${{ for the two characters themselves")
    value = variables.get(name[0])
    if name.end() == len(inside):
        return value or ""
    operator = _OPERATOR.match(inside, name.end())
    if operator is None:
        raise TemplateError(f"`${{{inside}}}` is no variable that Compose knows. Use ${{NAME:-default}}")
    other = inside[operator.end() :]
    given = bool(value) if operator[0].startswith(":") else value is not None
    if operator[0].endswith("+"):
        return substitute(other, variables) if given else ""
    if given:
        return value or ""
    if operator[0].endswith("?"):
        why = substitute(other, variables) or "it is required"
        raise TemplateError(f"the variable {name[0]} is missing: {why}. Set it in the environment or in .env")
    return substitute(other, variables)
