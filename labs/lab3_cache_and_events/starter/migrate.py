"""The schema, brought up to date before anything else starts. It runs at every start, so it must do no harm twice."""

import os

import psycopg

STEPS = [
    """CREATE TABLE IF NOT EXISTS links (id text COLLATE "C" PRIMARY KEY, url text NOT NULL,
       created_at timestamptz NOT NULL DEFAULT clock_timestamp())""",
    "CREATE INDEX IF NOT EXISTS links_by_url ON links (url, created_at, id)",
    # TODO clicks-exact: a table for the counts, by link.
    # TODO clicks-worker-killed: one for how far the counts have come, by partition: the offset of the next click.
    # TODO link-events: the outbox: what happened to links (created, changed, deleted) and is still to be sent.
    # TODO idempotency-key: a table for the keys.
]


def main():
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
        for step in STEPS:
            connection.execute(step)
    print(f"schema is up to date: {len(STEPS)} steps")


if __name__ == "__main__":
    main()
