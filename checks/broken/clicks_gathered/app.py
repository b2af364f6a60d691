"""Sends its clicks once a second."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events import click_events

click_events.HAND_OVER_SECONDS = 1.0
run()
