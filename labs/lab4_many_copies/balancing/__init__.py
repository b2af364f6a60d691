"""`lab balance`: HAProxy's ways to choose a copy, compared on copies of which one is slow. Lab 4."""
