"""Finds out who leads when it starts, and from then on knows that one host."""

import os

import psycopg

from checks.broken.spoil import run

with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    known = connection.info
    os.environ["DATABASE_URL"] = (
        f"postgresql://{known.user}:{known.password}@{known.host}:{known.port}/{known.dbname}?connect_timeout=2"
    )
run()
