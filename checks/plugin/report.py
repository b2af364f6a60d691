"""What a run of checks prints: a header, a line a check, a block for each that failed, a verdict; or all as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import IO

from checks.plugin.verdict import INCONCLUSIVE, MARKS, PROVED, Result

COLOURS = {"pass": "32", "fail": "31", "inconclusive": "33"}  # of a terminal
BOLD, DIM = "1", "2"
WORDS = {PROVED: "proved", INCONCLUSIVE: "inconclusive"}


@dataclass
class Report:
    """Writes to `out` as the verdicts fall. With `as_json` nothing but one JSON document, at the end.

    `part`: only some of the lab's checks were asked for, so they cannot prove the lab."""

    out: IO[str]
    as_json: bool = False
    part: bool = False
    header: dict[str, object] = field(default_factory=dict)

    def begin(self, lab: int, runtime: str, app: str, where: str) -> None:
        self.header = {"lab": lab, "runtime": runtime, "app": app, "stage": where}
        self._line(f"Lab {lab}, {runtime} runtime, {where}. The service: {app}")

    def aside(self, sentence: str) -> None:
        self._line(f"  {sentence}", style=DIM)

    def result(self, result: Result) -> None:
        mark = MARKS[result.verdict]
        self._line(f"{mark} {result.title}  ({result.seconds:.1f} s)", style=COLOURS[result.verdict])
        for note in result.notes:
            self.aside(f"  {note}")
        if result.verdict == "inconclusive":
            self._line(f"    cannot be decided here: {result.reason}")
        if result.verdict == "fail":
            self._block(result)

    def end(self, results: list[Result], code: int, seconds: float, problem: str = "") -> None:
        """The verdict line; `problem` is why nothing ran."""
        verdict = WORDS.get(code, "not proved")
        if self.as_json:
            checks = [asdict(result) for result in results]
            document = self.header | {"verdict": verdict, "exit_code": code, "seconds": round(seconds, 2)}
            print(json.dumps(document | {"problem": problem, "checks": checks}, indent=2), file=self.out, flush=True)
            return
        if problem:
            self._line(problem)
        lab = self.header.get("lab")
        counts = [sum(result.verdict == word for result in results) for word in ("pass", "fail", "inconclusive")]
        tally = ", ".join(f"{n} {word}" for n, word in zip(counts, ("passed", "failed", "undecided"), strict=True) if n)
        what = "This part of lab" if self.part else "Lab"
        self._line("")
        self._line(
            f"{what} {lab} is {verdict}: {tally or 'no check ran'} ({seconds:.0f} s).",
            style=f"{BOLD};{COLOURS['pass' if code == PROVED else 'inconclusive' if code == INCONCLUSIVE else 'fail']}",
        )

    def _block(self, result: Result) -> None:
        rows = (("done", result.did), ("expected", result.expected), ("came back", result.got))
        for label, text in (*rows, ("request", result.request)):
            if text:
                self._line(f"    {label + ':':<11}{_indented(text, 15)}")
        if result.log:
            self._line("    the end of the service's log:", style=DIM)
            self._line(f"      {_indented(result.log, 6)}", style=DIM)
        self._line(f"    {'next:':<11}{_indented(result.next, 15)}")

    def _line(self, text: str, style: str = "") -> None:
        if self.as_json:
            return
        if style and self.out.isatty() and not os.environ.get("NO_COLOR"):
            text = f"\x1b[{style}m{text}\x1b[0m"
        try:
            print(text, file=self.out, flush=True)
        except BrokenPipeError:  # whoever read it, such as `head`, has seen enough: as with Ctrl-C
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())
            raise KeyboardInterrupt from None


def _indented(text: str, width: int) -> str:
    return text.replace("\n", "\n" + " " * width)
