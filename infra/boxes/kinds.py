"""Every kind of native box: what `x-local: {box: …}` may name. A new kind is a module here and a line below."""

from __future__ import annotations

from collections.abc import Callable

from infra.boxes.etcd import EtcdBox
from infra.boxes.haproxy import HaproxyBox
from infra.boxes.kafka import KafkaBox
from infra.boxes.native import NativeBox
from infra.boxes.patroni import PatroniBox
from infra.boxes.postgres import PostgresBox
from infra.boxes.postgres_tools import PostgresToolBox, WalArchiveBox
from infra.boxes.procfile import ProcfileBox
from infra.boxes.redis import RedisBox
from infra.boxes.topics import TopicsBox
from infra.compose.box import Box
from infra.errors import LabError

KINDS: dict[str, Callable[[], NativeBox]] = {
    "etcd": EtcdBox,
    "haproxy": HaproxyBox,
    "kafka": KafkaBox,
    "patroni": PatroniBox,
    "postgres": PostgresBox,
    "postgres-tool": PostgresToolBox,
    "procfile": ProcfileBox,
    "redis": RedisBox,
    "topics": TopicsBox,
    "wal-archive": WalArchiveBox,
}


def native(box: Box) -> NativeBox:
    """The kind of box that `x-local` names. Raises LabError when there is no such kind."""
    kind = KINDS.get(box.native.kind)
    if kind is None:
        known = ", ".join(KINDS)
        raise LabError(
            f"x-local of service {box.name} in docker-compose.yml names the box {box.native.kind}. Known: {known}."
        )
    return kind()
