"""Gives up to wait for the standby after a while, and takes the commit that comes back with a warning for success."""

from checks.broken.spoil import run
from shortener.lab5_failover.server_connection import ServerConnection

ServerConnection._heed = lambda self, notice: None  # type: ignore[method-assign]
run()
