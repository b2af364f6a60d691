"""The links in Postgres. This is your part: each method says what it promises, each TODO what is missing."""

import psycopg
import psycopg_pool


class Unavailable(Exception):
    """The database cannot answer now: the client gets 503 and may try again."""


class Invalid(Exception):
    """What the client sent cannot be used, such as a cursor that is none of ours: 422."""


class Store:
    def __init__(self, url):
        # A pool is a bound: never more than `max_size` connections, and nobody waits longer than `timeout` for one.
        # TODO 5: what if the network swallows every packet? Look at libpq's tcp_user_timeout and connect_timeout, and
        #         at Postgres' statement_timeout, for no request may take more than 5 s.
        self.pool = psycopg_pool.ConnectionPool(
            url, min_size=1, max_size=8, timeout=2, kwargs={"autocommit": True}, open=True
        )

    def close(self):
        self.pool.close()

    def query(self, sql, values=()):
        """The rows of one statement. Raises Unavailable when the database is not there."""
        try:
            with self.pool.connection() as connection:
                cursor = connection.execute(sql, values)
                return cursor.fetchall() if cursor.description else []
        except (psycopg.OperationalError, psycopg_pool.PoolTimeout) as error:
            raise Unavailable("the database does not answer") from error

    def check(self):
        """Raises Unavailable unless redirects can be served."""
        # TODO 1: once the table is there, ask it: SELECT 1 FROM links LIMIT 1. A locked table serves no redirects.
        self.query("SELECT 1")

    def add(self, url):
        """A new link {"id", "url", "created_at"}; committed when this returns."""
        # TODO 2: an id from `secrets`, one INSERT ... RETURNING. What if the id is taken?
        raise NotImplementedError("POST /links is still to be written: TODO 2 in store.py")

    def get(self, link_id):
        """The link of that id, or None."""
        # TODO 2: one SELECT by primary key. Never put a value into the SQL text yourself: pass it in `values`.
        raise NotImplementedError("GET /{id} is still to be written: TODO 2 in store.py")

    def search(self, url, limit, cursor):
        """(links to that url, newest first, at most `limit`; the cursor of the next page, or None)."""
        # TODO 3: WHERE url = ... ORDER BY created_at DESC, id DESC LIMIT limit + 1. The one too many tells whether
        #         there is a next page. The cursor holds the place of the last link shown, not a number of pages:
        #         WHERE (created_at, id) < (that place). A cursor that is none of ours: raise Invalid.
        raise NotImplementedError("GET /links?url= is still to be written: TODO 3 in store.py")
