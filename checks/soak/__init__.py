"""`make soak`: lab 3 under load for minutes, something killed or paused every few seconds, and the audit at the end."""
