"""Waits for the owner as long as it takes."""

from shortener.lab5_failover.regions import other_region
from shortener.lab5_failover.regions.__main__ import main

other_region.SECONDS = 3600.0
main()
