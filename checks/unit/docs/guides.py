"""What stands in the guides: their commands, links and diagrams, for the tests that hold them to the truth."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.project import ROOT

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and what is in it."""

    language: str
    text: str


def pages() -> list[Path]:
    """The pages that a learner reads."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("labs/lab*/README.md"))]


def blocks(text: str) -> list[Block]:
    return [Block(language, body) for language, body in _FENCE.findall(text)]


def commands(text: str) -> Iterator[list[str]]:
    """The words of each `make …` and `lab …` that a page tells the learner to type, in shell blocks and inline."""
    lines = [
        line
        for block in blocks(text)
        if block.language in ("sh", "bash", "console")
        for line in block.text.splitlines()
    ]
    lines += _INLINE.findall(_FENCE.sub("", text))
    for line in lines:
        words = re.split(r"\s+#|…", line.strip().removeprefix("$ "))[0].split()
        if words and words[0] in ("make", "lab") and len(words) > 1:
            yield words


def file_links(text: str) -> list[str]:
    """Relative links, without their anchors."""
    targets = [target.split("#")[0] for target in _LINK.findall(_FENCE.sub("", text))]
    return [target for target in targets if target and not re.match(r"[a-z]+:", target)]
