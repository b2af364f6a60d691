"""Waits for its database as long as it takes."""

from checks.broken.spoil import run
from shortener.lab2_postgres import connections

connections.SECONDS = 3600.0
connections.SERVER_LIMITS = ""
run()
