"""Waits for the rest of a body as long as it takes."""

from checks.broken.spoil import run
from shortener.lab1_file import edge

edge.BODY_SECONDS = 3600.0
run()
