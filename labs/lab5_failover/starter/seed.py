"""`lab seed N` runs this: N links for a table `links (id, url, created_at)`, four to each url."""

import os
import sys

import psycopg

CHUNK = 100_000
INSERT = """
    INSERT INTO links (id, url)
    SELECT left(md5(random()::text || i), 7), 'https://example.com/articles/' || i / 4 FROM generate_series(1, %s) AS i
    ON CONFLICT DO NOTHING
"""


def main():
    wanted, made = int(sys.argv[1]), 0
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
        while made < wanted:  # an id that is taken already makes no link
            made += connection.execute(INSERT, (min(CHUNK, wanted - made),)).rowcount
            print(f"{made:,} of {wanted:,} links", flush=True)
        connection.execute("ANALYZE links")


if __name__ == "__main__":
    main()
