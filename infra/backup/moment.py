"""The time that a learner asks for: `12:34:56` today, or an ISO time."""

from __future__ import annotations

import re
from datetime import datetime

from infra.errors import LabError

_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d{1,6})?)?")


def read_moment(text: str, now: datetime) -> float:
    """The time in seconds of the epoch. Raises LabError for what is no time, or has not come yet."""
    words = text.strip().replace(",", ".")
    try:
        if _CLOCK.fullmatch(words):
            hour, _, rest = words.partition(":")
            words = f"{now.date().isoformat()}T{int(hour):02}:{rest}"
        moment = datetime.fromisoformat(words)
        if len(words) <= 10:
            raise ValueError("a day is no time")
    except ValueError:
        raise LabError(
            f"`{text}` is no time. Write 14:30:05 for today, or {now.isoformat(timespec='seconds')} with its day."
        ) from None
    if moment.timestamp() > now.timestamp():
        raise LabError(f"{text} has not come yet: it is {now.isoformat(timespec='seconds')}. Name a time before that.")
    return moment.timestamp()
