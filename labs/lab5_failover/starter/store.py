"""The links in Postgres: written at the leader, read wherever replicas.py finds them new enough. Done."""

import base64
import datetime
import re
import secrets
import string

from connections import Connections, Unavailable
from replicas import Reads

# One transaction: a copy that dies has made the key and the link, or neither.
ADD_ONCE = """
WITH taken AS (
    INSERT INTO keys (key, url, link_id) VALUES (%(key)s, %(url)s, %(id)s)
    ON CONFLICT DO NOTHING RETURNING link_id, url, created_at
),
link AS (INSERT INTO links (id, url, created_at) SELECT * FROM taken)
SELECT * FROM taken UNION ALL SELECT link_id, url, created_at FROM keys WHERE key = %(key)s"""
LETTERS = string.digits + string.ascii_letters


class Invalid(Exception):
    """What the client sent cannot be used: 422."""


class Store:
    def __init__(self, url, replica_url):
        self.connections = Connections(url)
        self.query = self.connections.query
        self.read = Reads(self.connections, replica_url).query

    def close(self):
        self.connections.close()

    def check(self):
        """Raises Unavailable unless redirects can be served."""
        self.read("SELECT 1 FROM links LIMIT 1")

    def add(self, url):
        """A new link {"id", "url", "created_at"}; committed when this returns."""
        sql = "INSERT INTO links (id, url) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING id, url, created_at"
        rows = self.query(sql, (new_id(), url))
        return as_link(rows[0]) if rows else self.add(url)

    def add_once(self, url, key):
        """The link that was made for this key first, however often it is asked for; a new one at the first time."""
        for _ in range(2):  # a request with this key that ran beside this one is seen the second time
            rows = self.query(ADD_ONCE, {"key": key, "url": url, "id": new_id()})
            if rows and rows[0][1] != url:
                raise Invalid("Idempotency-Key: this key was sent before with another url")
            if rows:
                return as_link(rows[0])
        raise Unavailable("another request with this key is under way")

    def find_url(self, link_id):
        """Where that id leads, or None. The redirect asks this, and nothing else of the database."""
        rows = self.read("SELECT url FROM links WHERE id = %s", (link_id,))
        return rows[0][0] if rows else None

    def get(self, link_id):
        """The link of that id with its `clicks`, or None."""
        # The 0 stands for lab 3's count: until its worker is here nobody has counted anything.
        rows = self.read("SELECT id, url, created_at, 0 FROM links WHERE id = %s", (link_id,))
        return {**as_link(rows[0][:3]), "clicks": rows[0][3]} if rows else None

    def change(self, link_id, url):
        """Let the link lead to `url`; the link with its `clicks`, or None when there is none."""
        sql = "UPDATE links SET url = %s WHERE id = %s RETURNING id, url, created_at"
        rows = self.query(sql, (url, link_id))
        return {**as_link(rows[0]), "clicks": 0} if rows else None

    def remove(self, link_id):
        """Whether it was there."""
        return bool(self.query("DELETE FROM links WHERE id = %s RETURNING id", (link_id,)))

    def search(self, url, limit, cursor):
        """(links to that url, newest first, at most `limit`; the cursor of the next page, or None)."""
        older = "AND (created_at, id) < (%s, %s)" if cursor is not None else ""
        place = position(cursor) if cursor is not None else ()
        sql = f"SELECT id, url, created_at FROM links WHERE url = %s {older} ORDER BY created_at DESC, id DESC LIMIT %s"
        links = [as_link(row) for row in self.read(sql, (url, *place, limit + 1))]
        return links[:limit], (cursor_after(links[limit - 1]) if len(links) > limit else None)


def new_id():
    return "".join(secrets.choice(LETTERS) for _ in range(7))


def as_link(row):
    return {"id": row[0], "url": row[1], "created_at": row[2]}


def cursor_after(link):
    place = f"{link['created_at'].isoformat()} {link['id']}"
    return base64.urlsafe_b64encode(place.encode()).decode()


def position(cursor):
    """The (created_at, id) in a cursor. Raises Invalid for one that is none of ours."""
    try:
        created_at, link_id = base64.urlsafe_b64decode(cursor).decode("ascii").split(" ")
        if not re.fullmatch("[0-9A-Za-z]{7}", link_id):
            raise ValueError("no id")
        return datetime.datetime.fromisoformat(created_at), link_id
    except ValueError:
        raise Invalid("cursor: send the `next` of the page before as it is") from None
