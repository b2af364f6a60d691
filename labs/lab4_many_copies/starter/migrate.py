"""The schema, brought up to date before any copy starts. It runs at every start, so it must do no harm twice."""

import os

import psycopg

STEPS = [
    """CREATE TABLE IF NOT EXISTS links (id text COLLATE "C" PRIMARY KEY, url text NOT NULL,
       created_at timestamptz NOT NULL DEFAULT clock_timestamp())""",
    "CREATE INDEX IF NOT EXISTS links_by_url ON links (url, created_at, id)",
    # TODO copies-agree: a table for the idempotency keys. While a deploy runs the old version uses these tables too:
    #      add, and take away only what no version that still runs needs.
]


def main():
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
        for step in STEPS:
            connection.execute(step)
    print(f"schema is up to date: {len(STEPS)} steps")


if __name__ == "__main__":
    main()
