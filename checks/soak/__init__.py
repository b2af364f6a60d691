"""`make soak`: a lab under load for minutes, something killed or paused every few seconds, and the audit at the end."""
