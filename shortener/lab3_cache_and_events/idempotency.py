"""POST /links that may be sent again: a key that the client chose stands for one link for a day. Lab 3.

As draft-ietf-httpapi-idempotency-key-header describes it; two requests at once both get the first one's answer."""

import re
from typing import Any

import psycopg
from starlette.exceptions import HTTPException

from shortener.lab1_file.links import Link, Unavailable, new_id
from shortener.lab2_postgres.connections import Connections

LIFE = "interval '24 hours'"
# A string in quotes, in which \ stands before a quote or a backslash (RFC 8941, section 3.3.3). Many clients send the
# key without quotes: a token is taken, too (section 3.3.4; here it may begin with any character, as a UUID does).
_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"|([\w!#$%&\'*+.^`|~:/=-]{1,255})', re.ASCII)

# The key's row is locked before anything else is written: of two requests at once, the second waits here for the first.
# An id that another link has (none of 3.5e12 is likely to) leaves everything as it was.
ADD_ONCE = f"""
WITH taken AS (
    INSERT INTO idempotency_keys AS old (key, url, link_id)
    SELECT %(key)s, %(url)s, %(id)s WHERE NOT EXISTS (SELECT FROM links WHERE id = %(id)s)
    ON CONFLICT (key) DO UPDATE SET url = excluded.url, link_id = excluded.link_id, created_at = excluded.created_at
    WHERE old.created_at < clock_timestamp() - {LIFE}
    RETURNING link_id, url, created_at
),
link AS (INSERT INTO links (id, url, created_at) SELECT * FROM taken),
event AS (INSERT INTO outbox (link_id, event, url) SELECT link_id, 'created', url FROM taken)
SELECT * FROM taken
UNION ALL
SELECT link_id, url, created_at FROM idempotency_keys
WHERE key = %(key)s AND created_at >= clock_timestamp() - {LIFE}"""
EXPIRE = f"DELETE FROM idempotency_keys WHERE created_at < clock_timestamp() - {LIFE}"


def parsed(header: str) -> str:
    """The key in the header. Raises HTTPException 400 for what is none."""
    match = _KEY.fullmatch(header)
    if not match:
        raise HTTPException(400, 'Idempotency-Key: send one key of 1 to 255 ASCII characters in quotes, such as "a1b2"')
    return re.sub(r"\\(.)", r"\1", match[1]) if match[1] else match[2]


class IdempotentLinks:
    def __init__(self, connections: Connections) -> None:
        self._fetch = connections.fetch

    async def add(self, url: str, key: str) -> Link:
        """The link that was made for this key and url first, as it was then; a new one when there is none.

        Raises HTTPException 422 when the key stands for another url, and Unavailable: then the client may try again."""
        for _ in range(2):  # a request with this key that ran beside this one is seen the second time
            rows = await self._fetch(ADD_ONCE, {"key": key, "url": url, "id": new_id()})
            if rows:
                link = Link(*rows[0])
                if link.url != url:
                    raise HTTPException(422, "Idempotency-Key: this key was sent before with another url")
                return link
        raise Unavailable("another request with this key is under way")


def expire(connection: psycopg.Connection[Any]) -> int:
    """Deletes the keys that are older than a day, and says how many. Call it now and then."""
    return connection.execute(EXPIRE).rowcount
