"""Each copy knows the keys that it has seen itself: lab 3's twin, in three copies."""

import checks.broken.idempotency_in_memory.app  # noqa: F401
