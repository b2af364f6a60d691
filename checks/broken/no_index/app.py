"""Searches without an index: its schema stops one migration short."""

from checks.broken.spoil import run

run()
