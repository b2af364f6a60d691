"""Load on a stage: locust as a process of its own, and the event log in which it writes down every request."""
