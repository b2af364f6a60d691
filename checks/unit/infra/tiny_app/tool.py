"""A one-off tool: it says what it was given, and counts what it finds in Postgres."""

import os
import sys

import psycopg

with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    rows = connection.execute("SELECT count(*) FROM released").fetchone()
print(sys.argv[1:], sys.stdin.read(), rows)
sys.exit(7)
