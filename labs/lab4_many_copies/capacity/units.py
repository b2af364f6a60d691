"""Numbers and amounts as a reader wants them. Lab 4."""

from __future__ import annotations

import math

_STEPS = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))


def written(number: float) -> str:
    """With three digits at least, and no more than are of use: 182,500,000, 1.16, 0.0231."""
    if number == 0:
        return "0"
    if abs(number) >= 999.5:
        return f"{number:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(number))))
    text = f"{number:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(number: float, unit: str) -> str:
    """With its unit, in steps of a thousand: 91.3 GB, 1.48 Mbit/s; a rate or a count as it is."""
    if unit in ("bytes", "bit/s"):
        for prefix, size in _STEPS:
            if number >= 0.9995 * size:
                return f"{written(number / size)} {prefix}{'B' if unit == 'bytes' else unit}"
        return f"{written(number)} {unit}"
    return written(number) + (unit if unit == "/s" else f" {unit}" if unit else "")
