"""`lab replay`: two sessions, step by step, on a real server: deadlock, lost update, write skew, and their cures."""
