"""A place in the history of the database: how far a server has come, or what a client has seen of it. Pure. Lab 5.

Postgres writes every change to its log (WAL) first, so a place in the log says which changes are in. After a failover
the log goes on in a new *timeline*, which leaves the old one at some place: what the old leader wrote beyond it is
lost, and its places are counted again by the new one."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

_FORM = struct.Struct(">QIQ")


class Position(NamedTuple):
    """Within one cluster the later one is the greater one, as tuples compare."""

    cluster: int  # the number that initdb drew; another cluster's positions say nothing here
    timeline: int
    lsn: int  # bytes of log before it

    @property
    def token(self) -> str:
        """27 characters of base64. Opaque to the client: that there is a position in it may change."""
        return urlsafe_b64encode(_FORM.pack(*self)).decode().rstrip("=")


def parsed(token: str) -> Position | None:
    """None for what is no token: whoever sends such a one has seen nothing yet."""
    try:
        return Position(*_FORM.unpack(urlsafe_b64decode(token + "=")))
    except (ValueError, struct.error):
        return None


def later(one: Position | None, other: Position | None) -> Position | None:
    """Of two clusters' positions the second: it is the newer answer."""
    if one is None or other is None:
        return other or one
    return other if one.cluster != other.cluster else max(one, other)


def replica_has(at: Position, wanted: Position | None) -> bool:
    """Whether a replica that has replayed up to `at` has all that was seen at `wanted`.

    One that still replays the old timeline may be beyond `wanted` there, in what the failover left behind. And one that
    receives the new one may still replay the old one's end: so both must have been reached."""
    if wanted is None or wanted.cluster != at.cluster:
        return True
    return at.timeline >= wanted.timeline and at.lsn >= wanted.lsn


def leader_has(at: Position, wanted: Position | None) -> bool:
    """Whether the server at `at`, which leads its timeline, leads still. Then it has all that there is: of an older
    timeline the end, which `wanted` may name, was lost; its own it wrote itself, so what `wanted` names beyond it does
    not exist: one byte more than there is (see seen_at), or what a client made up."""
    return wanted is None or wanted.cluster != at.cluster or at.timeline >= wanted.timeline


def seen_at(replayed: int, received: int | None) -> int:
    """Up to where a replica's snapshot may have seen, when those were read after it.

    Postgres shows a commit a moment before it counts it as replayed. So where more has been received, the snapshot may
    hold the next record too, and only a server that has replayed more than `replayed` is surely as new. A replica that
    was started again replays what lies on its disk, and has received nothing; then it receives the file in which it
    stands from its beginning, and what is before `replayed` in it is replayed already."""
    return replayed + 1 if received is None or received > replayed else replayed
