"""Each copy calls itself ready whatever it can reach: lab 2's twin, in three copies."""

import checks.broken.ready_always.app  # noqa: F401
