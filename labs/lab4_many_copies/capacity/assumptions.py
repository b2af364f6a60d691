"""What the learner assumes of the people who will use the service; every one has a usual default. Lab 4."""

from __future__ import annotations

from dataclasses import dataclass, fields

from infra.errors import LabError


@dataclass(frozen=True)
class Assumptions:
    """Raises LabError, in a sentence, for a number that no service could have."""

    users: float = 1_000_000
    writes_a_day: float = 0.1  # links that one user makes, on average
    read_ratio: float = 100  # redirects for each link that is made
    link_size: float = 100  # bytes of a long url
    years: float = 5
    peak: float = 4  # the busiest second, times the mean of a day
    hot_share: float = 0.2  # of all links: those that the cache is to hold
    busy: float = 0.6  # how busy a copy may be at the peak; from there on queues grow fast

    def __post_init__(self) -> None:
        for assumed in fields(self):
            least, most = BOUNDS[assumed.name]
            value = getattr(self, assumed.name)
            if not least <= value <= most:  # a NaN is in no bounds
                option = "--" + assumed.name.replace("_", "-")
                raise LabError(
                    f"{option} {_said(value)} will not do: name a number from {_said(least)} to {_said(most)}."
                )


BOUNDS: dict[str, tuple[float, float]] = {
    "users": (1, 10_000_000_000),
    "writes_a_day": (0.000001, 1_000_000),
    "read_ratio": (0, 1_000_000),
    "link_size": (10, 2_048),  # the service's own bound
    "years": (0.01, 100),
    "peak": (1, 1_000),
    "hot_share": (0.000001, 1),
    "busy": (0.05, 1),
}


def _said(value: float) -> str:
    """As people write it, not 1e+10."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def number(option: str, text: str) -> float:
    """`text` as a number: 1_000_000, 1,000,000, 1e6 and 0.1 will do. Raises LabError for anything else."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        raise LabError(f"{option} {text} is no number. Write it such as 1_000_000 or 0.1.") from None
