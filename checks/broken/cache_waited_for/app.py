"""Waits for Redis as long as it takes."""

from dataclasses import replace

from checks.broken.spoil import run
from shortener.lab4_many_copies import bounds

bounds.BOUNDS = replace(bounds.BOUNDS, try_seconds=3600.0)
run()
