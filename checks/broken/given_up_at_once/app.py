"""Gives a click up that the broker has not taken within 300 ms."""

from checks.broken.spoil import run
from shortener.lab3_cache_and_events import click_events

click_events.MESSAGE_TIMEOUT_MS = 300
run()
