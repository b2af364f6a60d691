"""Lab 5's Postgres nodes without a server: when one is ready, and where it finds the others without DNS."""

from __future__ import annotations

import inspect
import socket
from typing import Any

import pytest
from patroni.dcs import Member
from patroni.postgresql import postmaster

from infra.boxes.patroni_peers import connecting, looking_up, read_peers, start_postgres
from infra.config.patroni import ready

LEADS = {"state": "running", "role": "primary", "patroni": {"name": "pg-1"}}
FOLLOWS = {"state": "running", "role": "replica", "replication_state": "streaming"}
LEADER, REPLICA = {"name": "pg-1", "role": "leader"}, {"name": "pg-3", "role": "replica"}
CLUSTER = {"members": [LEADER, {"name": "pg-2", "role": "sync_standby"}, REPLICA]}
SYNCHRONOUS, ASYNCHRONOUS = {"synchronous_mode": True}, {"synchronous_mode": False}


def on_timelines(leader: int, follower: int | None) -> dict[str, Any]:
    """As Patroni tells it; a node that has yet to find out says none."""
    told = {} if follower is None else {"timeline": follower}
    return {"members": [{**LEADER, "timeline": leader}, {"name": "pg-2", "role": "replica", **told}]}


@pytest.mark.parametrize(
    ("own", "cluster", "settings", "why"),
    [
        (LEADS, CLUSTER, SYNCHRONOUS, ""),
        (FOLLOWS, CLUSTER, SYNCHRONOUS, ""),
        ({"state": "running", "role": "replica"}, CLUSTER, SYNCHRONOUS, ""),
        ({"state": "starting"}, CLUSTER, SYNCHRONOUS, "its Postgres is starting"),
        ({}, CLUSTER, SYNCHRONOUS, "its Postgres is unknown"),
        (FOLLOWS, {}, SYNCHRONOUS, "the cluster has no leader"),
        (FOLLOWS, {"members": [REPLICA]}, ASYNCHRONOUS, "the cluster has no leader"),
        ({**FOLLOWS, "replication_state": "in archive recovery"}, CLUSTER, SYNCHRONOUS, "does not follow the leader"),
        (LEADS, {"members": [LEADER, REPLICA]}, SYNCHRONOUS, "no synchronous standby"),
        (LEADS, {"members": [LEADER, REPLICA]}, ASYNCHRONOUS, ""),
        (LEADS, {"members": [LEADER]}, {}, ""),
        ({**LEADS, "patroni": {"name": "pg-3"}}, CLUSTER, SYNCHRONOUS, "it has yet to see that pg-1 leads"),
        ({**FOLLOWS, "patroni": {"name": "pg-2"}}, on_timelines(2, 2), ASYNCHRONOUS, ""),
        (
            {**FOLLOWS, "patroni": {"name": "pg-2"}},
            on_timelines(2, 1),
            ASYNCHRONOUS,
            "not follow pg-1 on its timeline",
        ),
        (
            {**FOLLOWS, "patroni": {"name": "pg-2"}},
            on_timelines(2, None),
            ASYNCHRONOUS,
            "on its timeline yet",
        ),
    ],
)
def test_when_a_node_is_ready(own: dict[str, Any], cluster: dict[str, Any], settings: dict[str, Any], why: str) -> None:
    said = ready.judge(own, cluster, settings)
    assert (why in said) if why else said == ""


def test_a_node_that_stood_still_is_not_ready_before_it_has_heard_of_etcd() -> None:
    assert ready.out_of_touch({"dcs_last_seen": 100}, now=104.0) == ""
    assert ready.out_of_touch({"dcs_last_seen": 100}, now=130.0) == "it has not reached etcd for 30 s"
    assert ready.out_of_touch({}, now=130.0) == ""


def test_a_node_that_does_not_answer_is_not_ready() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert "Patroni got no answer" in ready.obstacle(f"http://127.0.0.1:{nobody.getsockname()[1]}")


PEERS = read_peers(
    {
        "PEERS": "pg-1/5432=127.0.0.1:21001 pg-1/8008=127.0.0.1:21002 pg-2/5432=127.0.0.1:22001",
        "PATRONI_NAME": "pg-1",
        "PATRONI_POSTGRESQL_LISTEN": "127.0.0.1:31001",
        "PATRONI_RESTAPI_LISTEN": "127.0.0.1:31002",
    }
)


def test_a_node_reaches_the_others_through_the_relay_and_itself_directly() -> None:
    assert PEERS == {
        ("pg-1", 5432): ("127.0.0.1", 31001),
        ("pg-1", 8008): ("127.0.0.1", 31002),
        ("pg-2", 5432): ("127.0.0.1", 22001),
    }


def test_names_of_the_cluster_are_looked_up_among_the_peers_and_all_else_as_ever() -> None:
    asked: list[tuple[Any, ...]] = []
    look_up = looking_up(PEERS, lambda *words, **more: asked.append((*words, *more.items())))
    look_up("pg-2", 5432)
    look_up(b"pg-2", "5432", 0, type=socket.SOCK_STREAM)
    look_up("pg-2", 8008)
    look_up("example.com", None)
    assert asked == [
        ("127.0.0.1", 22001),
        ("127.0.0.1", 22001, 0, ("type", socket.SOCK_STREAM)),
        ("pg-2", 8008),
        ("example.com", None),
    ]


def test_postgres_is_sent_to_the_peers_place() -> None:
    member = Member(0, "pg-2", "1", {"conn_url": "postgres://pg-2:5432/postgres", "state": "running"})
    stranger = Member(0, "db", "1", {"conn_url": "postgres://db.example.com:5432/postgres"})
    conn_kwargs = connecting(PEERS, Member.conn_kwargs)
    auth = {"username": "replication", "password": "secret"}
    found = conn_kwargs(member, auth)
    assert (found["host"], found["port"], found["user"]) == ("127.0.0.1", 22001, "replication")
    assert conn_kwargs(stranger)["host"] == "db.example.com"
    assert conn_kwargs(Member(0, "none", "1", {})) == {}


def test_patroni_has_what_is_replaced_in_it() -> None:
    """What patroni_peers replaces, as the installed version has it and uses it."""
    assert list(inspect.signature(Member.conn_kwargs).parameters) == ["self", "auth"]
    theirs, ours = inspect.signature(postmaster.pg_ctl_start), inspect.signature(start_postgres)
    assert len(theirs.parameters) == len(ours.parameters) == 3
    assert "target=pg_ctl_start, args=(child_conn, cmdline, env)" in inspect.getsource(postmaster.PostmasterProcess)
    assert "socket.getaddrinfo(" in inspect.getsource(__import__("urllib3.util.connection").util.connection)


def test_postgres_is_started_in_the_session_of_its_box_and_its_pid_told() -> None:
    class Told:
        pid: int | None = 0
        closed = False

        def send(self, pid: int | None) -> None:
            self.pid = pid

        def close(self) -> None:
            self.closed = True

    missing = Told()
    start_postgres(missing, ["/no/such/program"], {})
    assert (missing.pid, missing.closed) == (None, True)
