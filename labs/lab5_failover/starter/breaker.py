"""Lab 4's circuit breaker, done: whoever does not answer is left alone for a while."""

import threading
import time
from collections import deque

CLOSED, HALF_OPEN, OPEN = 0, 1, 2
FAILURES, SECONDS = 3, 1.0  # of the last 10 calls; how long it stays open


class Breaker:
    """Closed: everybody asks. Open: nobody does. Half-open: one asks, and what becomes of it decides."""

    def __init__(self):
        self.state = CLOSED  # the gauge `cache_breaker_state`
        self.last = deque(maxlen=10)  # True: a call that failed
        self.since = 0.0  # when it opened, or last let one call through
        self.lock = threading.Lock()

    def allows(self):
        """Whether a call may go. Who is told True tells afterwards what became of it."""
        with self.lock:
            if self.state == CLOSED:
                return True
            if time.monotonic() - self.since < SECONDS:
                return False
            self.state, self.since = HALF_OPEN, time.monotonic()
            return True

    def succeeded(self):
        with self.lock:
            if self.state == HALF_OPEN:
                self.state = CLOSED
                self.last.clear()
            self.last.append(False)

    def failed(self):
        with self.lock:
            self.last.append(True)
            if self.state == HALF_OPEN or (self.state == CLOSED and self.last.count(True) >= FAILURES):
                self.state, self.since = OPEN, time.monotonic()


breaker = Breaker()  # one for each copy: what one of them cannot reach the others may
