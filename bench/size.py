"""How much code the service of labs 1 and 2 is. Counted are lines of code: no blank ones, comments or docstrings; the
one-off steps beside the service (seed, import, migrations) stand apart."""

from __future__ import annotations

import ast
import io
import tokenize

from bench.figure import Figure
from infra.project import ROOT

MOST = 500
ONE_OFF = ("seed.py", "import_file.py", "migrate.py", "env.py", "0001_links.py", "0002_links_by_url.py")
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


def run() -> list[Figure]:
    places = ("*.py", "lab1_*/**/*.py", "lab2_*/**/*.py")
    files = sorted(path for place in places for path in (ROOT / "shortener").glob(place))
    service = sum(lines_of_code(path.read_text()) for path in files if path.name not in ONE_OFF)
    everything = sum(len(path.read_text().splitlines()) for path in files)
    target = f"at most {MOST}"
    return [
        Figure(
            "service, labs 1 and 2", service, "lines", target, service <= MOST, everything, "with all that stands apart"
        )
    ]


def lines_of_code(source: str) -> int:
    """Lines that hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - _docstrings(source))


def _docstrings(source: str) -> set[int]:
    found: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) or not node.body:
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            found |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return found
