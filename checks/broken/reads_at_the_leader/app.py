"""Reads everything from the leader, and leaves the replicas alone."""

import os

from checks.broken.spoil import run

os.environ.pop("DATABASE_REPLICA_URL", None)
run()
