"""One figure that a benchmark measured, beside the baseline of the same run and the target that it should reach."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`value` and `baseline` in `unit`; `target` in words, such as "at least 0.75 of the baseline"; `met` judges it."""

    name: str
    value: float
    unit: str
    target: str
    met: bool
    baseline: float | None = None
    baseline_name: str = ""
