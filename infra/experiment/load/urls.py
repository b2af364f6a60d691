"""Long urls for the load: each is unique, and in turn they carry what a careless service would tidy up."""

from __future__ import annotations

# Each must come back byte for byte: case, escapes, an empty query, a dot segment, a default port, a fragment.
_SHAPES = (
    "https://example.com/{run}/{number}",
    "https://Example.COM/{run}/{number}?q=caf%C3%a9&again=a%2Fb",
    "http://example.com:80/{run}/{number}/../up?",
    "https://example.com/{run}/{number}?b=2&a=1&a=#part-%7e",
)


def unique_url(run: str, number: int) -> str:
    """The url of that number in that run; `run` is a random word that no other run has."""
    return _SHAPES[number % len(_SHAPES)].format(run=run, number=number)
