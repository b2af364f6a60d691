"""The schema, brought up to date before the service starts. It runs at every start, so it must do no harm twice."""

import os

import psycopg

STEPS = [
    # TODO 1: CREATE TABLE IF NOT EXISTS links (id ... PRIMARY KEY, url ..., created_at timestamptz ...)
    # TODO 4: CREATE INDEX IF NOT EXISTS ... ON links (url, ...). First look at `lab explain` without it.
]


def main():
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
        for step in STEPS:
            connection.execute(step)
    print(f"schema is up to date: {len(STEPS)} steps")


if __name__ == "__main__":
    main()
