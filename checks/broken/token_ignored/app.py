"""Answers carry a session token, and nobody looks at the one that comes back."""

from checks.broken.spoil import run
from shortener.lab5_failover import session

session.asked_in = lambda headers: None
run()
