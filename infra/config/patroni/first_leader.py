"""Waits until one of lab 5's nodes leads: `NODES="http://pg-1:8008 http://pg-2:8008" python3 first_leader.py`.

What needs a leader alone (the schema) can go on then, while the other nodes still copy its data."""

from __future__ import annotations

import os
import sys
import time
import urllib.request

_PATIENCE = 60.0  # seconds
_GLANCE = 0.1


def leads(node: str) -> bool:
    """Patroni says 200 at /primary where the node runs as leader and holds the lease, 503 elsewhere."""
    try:
        with urllib.request.urlopen(f"{node}/primary", timeout=2.0):
            return True
    except OSError:  # HTTPError too
        return False


def main() -> None:
    nodes, deadline = os.environ["NODES"].split(), time.monotonic() + _PATIENCE
    while not any(map(leads, nodes)):
        if time.monotonic() > deadline:
            sys.exit(f"No node leads after {_PATIENCE:.0f} s. `lab logs pg-1` says why.")
        time.sleep(_GLANCE)


if __name__ == "__main__":
    main()
