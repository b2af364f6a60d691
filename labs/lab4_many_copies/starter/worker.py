"""Lab 3's part, which this lab does not ask for again: your worker.py of lab 3 takes the place of this one."""

import signal

print("clicks are not counted here: TODO clicks-exact in worker.py, see `lab start 3`", flush=True)
signal.pause()  # SIGTERM ends it
