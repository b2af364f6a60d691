"""Whether a node of lab 5's cluster is ready: `python3 ready.py http://127.0.0.1:8008`, Patroni's own address. Lab 5.

It is once its Postgres runs as leader or follows one, and, where commits wait for a synchronous standby, there is one.
The container's health check runs this with the system's Python; the local runtime calls `obstacle`."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any

_NEWS = 5.0  # seconds; it looks each second


def obstacle(address: str, seconds: float = 2.0) -> str:
    """Why not, in words; empty when it is ready."""
    try:
        own = _get(f"{address}/patroni", seconds)
        cluster = _get(f"{address}/cluster", seconds)
        settings = _get(f"{address}/config", seconds)
    except (OSError, ValueError) as error:
        return f"Patroni got no answer ({error})"
    return out_of_touch(own, time.time()) or judge(own, cluster, settings)


def out_of_touch(own: dict[str, Any], now: float) -> str:
    """A node that stood still says for a moment what was true before."""
    seen = own.get("dcs_last_seen")
    return f"it has not reached etcd for {now - seen:.0f} s" if seen is not None and now - seen > _NEWS else ""


def judge(own: dict[str, Any], cluster: dict[str, Any], settings: dict[str, Any]) -> str:
    """The same, from what Patroni says at /patroni, /cluster and /config."""
    if own.get("state") != "running":
        return f"its Postgres is {own.get('state', 'unknown')}"
    members = {member["name"]: member for member in cluster.get("members", [])}
    leader = next((name for name, member in members.items() if member["role"] == "leader"), None)
    if leader is None:
        return "the cluster has no leader"
    name = own.get("patroni", {}).get("name", leader)
    if own.get("role") in ("primary", "master") and leader != name:
        return f"it has yet to see that {leader} leads"
    if own.get("role") == "replica" and own.get("replication_state") not in ("streaming", None):
        return f"it does not follow the leader yet ({own['replication_state']})"
    if name in members and members[name].get("timeline") != members[leader].get("timeline"):
        # Perhaps it has to be wound back first, for which it will be stopped.
        return f"it does not follow {leader} on its timeline yet"
    if settings.get("synchronous_mode") and not any(member["role"] == "sync_standby" for member in members.values()):
        return "the cluster has no synchronous standby"
    return ""


def _get(address: str, seconds: float) -> dict[str, Any]:
    """The document there, which Patroni sends also with a 503 where the node has no such role."""
    try:
        with urllib.request.urlopen(address, timeout=seconds) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    return dict(found)


if __name__ == "__main__":
    why = obstacle(sys.argv[1])
    if why:
        sys.exit(why)
