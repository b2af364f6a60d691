"""Which links a batch of click events counts, and which of its events are none. Pure: no I/O. Lab 3."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import orjson

from shortener.lab1_file.links import ID

MOST_BYTES = 4_096  # ours have 100
_IS_ID = re.compile(ID, re.A).fullmatch


def clicks_in(values: Sequence[bytes | None]) -> tuple[Mapping[str, int], Mapping[int, str]]:
    """The number of clicks by link, and by index in `values` what is wrong with those that are no click events."""
    try:
        clicks = Counter([orjson.loads(value)["link_id"] for value in values])  # type: ignore[arg-type]
        if all(map(_IS_ID, clicks)) and max(map(len, values), default=0) <= MOST_BYTES:  # type: ignore[arg-type]
            return clicks, {}
    except (orjson.JSONDecodeError, TypeError, KeyError):
        pass
    return _one_by_one(values)


def _one_by_one(values: Iterable[bytes | None]) -> tuple[Mapping[str, int], Mapping[int, str]]:
    clicks: Counter[str] = Counter()
    wrong: dict[int, str] = {}
    for index, value in enumerate(values):
        try:
            clicks[link_of(value)] += 1
        except ValueError as error:
            wrong[index] = str(error)
    return clicks, wrong


def link_of(value: bytes | None) -> str:
    """The id of the link in a click event. Raises ValueError with the reason when it is none."""
    if value is None:
        raise ValueError("it has no value")
    if len(value) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
    try:
        event = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise ValueError("it is not JSON") from None
    match event:
        case {"link_id": str(link_id)} if _IS_ID(link_id):
            return link_id
        case {"link_id": _}:
            raise ValueError("its link_id is not the id of a link")
        case {}:
            raise ValueError("it has no link_id")
        case _:
            raise ValueError("it is not a JSON object")
