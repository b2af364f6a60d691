"""Patroni, in a stage of plain processes: `python -m infra.boxes.patroni_peers patroni.yml`. Lab 5.

Patroni knows each node by the name under which it stands in the cluster, such as pg-2:5432, and gives Postgres that
address to follow. In containers the name is found by DNS; here by the list in PEERS, which leads through the relay, so
that each link between two nodes can be cut or slowed. Postgres also stays in the session of its box, by which the box
is found and killed as a whole."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

Place = tuple[str, int]


def read_peers(environment: Mapping[str, str]) -> dict[Place, Place]:
    """`pg-2/5432=127.0.0.1:20123 …` as addresses by name and port; this node's own are where it listens."""
    found: dict[Place, Place] = {}
    for word in environment["PEERS"].split():
        known, _, place = word.partition("=")
        name, _, port = known.partition("/")
        found[name, int(port)] = _place(place)
    own = environment["PATRONI_NAME"]
    found[own, 5432] = _place(environment["PATRONI_POSTGRESQL_LISTEN"])
    found[own, 8008] = _place(environment["PATRONI_RESTAPI_LISTEN"])
    return found


def _place(text: str) -> Place:
    host, _, port = text.rpartition(":")
    return host, int(port)


def looking_up(peers: Mapping[Place, Place], ask: Callable[..., Any]) -> Callable[..., Any]:
    """`socket.getaddrinfo`, which finds the peers too: how Patroni reaches the others' REST API."""

    def getaddrinfo(host: Any, port: Any, *others: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return ask(*peers.get((name, int(port or 0)), (host, port)), *others, **more)

    return getaddrinfo


def connecting(peers: Mapping[Place, Place], ask: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """`Member.conn_kwargs`, which finds the peers too: how Postgres follows, copies and rewinds."""

    def conn_kwargs(member: Any, auth: Any = None) -> dict[str, Any]:
        found = ask(member, auth)
        place = peers.get((str(found.get("host")), int(found.get("port") or 0)))
        return found if place is None else {**found, "host": place[0], "port": place[1]}

    return conn_kwargs


def start_postgres(connection: Any, words: list[str], environment: dict[str, str]) -> None:
    """Patroni's `pg_ctl_start` without the session of its own: start Postgres, tell its pid, and end."""
    try:
        connection.send(subprocess.Popen(words, close_fds=True, env=environment).pid)
    except OSError:
        connection.send(None)
    connection.close()


def main() -> None:
    from patroni.__main__ import main as patroni
    from patroni.dcs import Member
    from patroni.postgresql import postmaster

    peers = read_peers(os.environ)
    socket.getaddrinfo = looking_up(peers, socket.getaddrinfo)
    Member.conn_kwargs = connecting(peers, Member.conn_kwargs)
    postmaster.pg_ctl_start = start_postgres
    sys.argv[0] = "patroni"
    patroni()


if __name__ == "__main__":
    main()
