"""Lab 3's part: your own worker.py takes the place of this one, which only stands there."""

import signal

print("clicks are not counted here: that is lab 3's worker.py, see `lab start 3`", flush=True)
signal.pause()  # SIGTERM ends it
