"""Each term has a token, and each row shows it, but nobody compares it with the newest one."""

from shortener.lab3_cache_and_events.process import run
from shortener.lab5_failover.election.sweeps import Sweeps
from shortener.lab5_failover.sweeper import main

Sweeps._pass_the_fence = lambda *_: None  # type: ignore[method-assign]
run(main)
