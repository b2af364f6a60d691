"""The schema, brought up to date before any copy starts. It runs at every start, so it must do no harm twice."""

import os

import psycopg

STEPS = [
    """CREATE TABLE IF NOT EXISTS links (id text COLLATE "C" PRIMARY KEY, url text NOT NULL,
       created_at timestamptz NOT NULL DEFAULT clock_timestamp())""",
    "CREATE INDEX IF NOT EXISTS links_by_url ON links (url, created_at, id)",
    """CREATE TABLE IF NOT EXISTS keys (key text PRIMARY KEY, url text NOT NULL, link_id text NOT NULL,
       created_at timestamptz NOT NULL DEFAULT clock_timestamp())""",
]


def main():
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        for step in STEPS:
            connection.execute(step)
    print(f"schema is up to date: {len(STEPS)} steps")


if __name__ == "__main__":
    main()
