"""`python -m shortener.lab2_postgres.seed COUNT`: that many links, by binary COPY, a transaction a chunk. Lab 2.

Four links lead to each of https://example.com/articles/…, fifty to https://example.com/popular, made one a second until
now. The index stays in place, and others may read and write."""

import contextlib
import os
import struct
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue

import psycopg

from shortener.lab1_file.links import BASE62, RESERVED

CHUNK, LANES = 100_000, 2
POPULAR = b"https://example.com/popular"
HEAD, TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
YEAR_2000 = 946_684_800  # Postgres counts from there, in microseconds
TO_BASE62 = bytes(BASE62.encode()[byte % 62] for byte in range(256))
UNFAIR = bytes(range(248, 256))  # the bytes left over when 256 are shared among 62 characters


def random_ids(count: int) -> list[bytes]:
    """Ids in order: neighbours in the index are written together, which halves the cost."""
    characters = b""
    while len(characters) < 7 * count:
        characters += os.urandom(8 * count).translate(TO_BASE62, UNFAIR)
    ids = sorted([characters[at : at + 7] for at in range(0, 7 * count, 7)])
    return random_ids(count) if any(name.encode() in ids for name in RESERVED) else ids


def rows(chunk: range, count: int, now: int) -> Iterator[bytes]:
    """The links of those numbers out of `count`, each a row of binary COPY: three fields, each after its length."""
    for number, link_id in zip(chunk, random_ids(len(chunk)), strict=True):
        url = b"https://example.com/articles/%07d?ref=feed" % (number // 4) if number % max(count // 50, 1) else POPULAR
        created_at = struct.pack(">q", (now - count + number - YEAR_2000) * 1_000_000)
        yield b"\0\3\0\0\0\7%b\0\0\0%c%b\0\0\0\x08%b" % (link_id, len(url), url, created_at)


def copy(lanes: SimpleQueue[psycopg.Connection], chunk: range, count: int, now: int) -> int:
    """How many links it added: all of the chunk, or none because one of the ids was taken."""
    connection = lanes.get()
    copying = "COPY links (id, url, created_at) FROM STDIN (FORMAT binary)"
    try:
        with connection.transaction(), connection.cursor() as cursor, cursor.copy(copying) as target:
            target.write(HEAD + b"".join(rows(chunk, count, now)) + TAIL)
        return len(chunk)
    except psycopg.errors.UniqueViolation:
        return 0
    finally:
        lanes.put(connection)


def seed(url: str, count: int) -> Iterator[int]:
    """Adds `count` links, and yields how many of them are there so far."""
    lanes: SimpleQueue[psycopg.Connection] = SimpleQueue()
    done, now = 0, int(time.time())
    with contextlib.ExitStack() as stack:
        for _ in range(LANES):
            lanes.put(stack.enter_context(psycopg.connect(url, autocommit=True, connect_timeout=5)))
        threads = stack.enter_context(ThreadPoolExecutor(LANES))
        stack.callback(threads.shutdown, cancel_futures=True)
        chunks = [range(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK)]
        while chunks:
            copies = {threads.submit(copy, lanes, chunk, count, now): chunk for chunk in chunks}
            for ended in as_completed(copies):
                done += ended.result()
                yield done
            chunks = [chunk for ended, chunk in copies.items() if not ended.result()]
        lanes.get().execute("ANALYZE links")


def main() -> None:
    start = time.monotonic()
    try:
        count = int(sys.argv[1])
        for done in seed(os.environ["DATABASE_URL"], count):
            rate = done / (time.monotonic() - start)
            line = f"{done * 100 // count:3} %  {done:,} of {count:,} links, {rate:,.0f} links/s"
            print(line, end="\r" if sys.stderr.isatty() and done < count else "\n", file=sys.stderr, flush=True)
        print(f"seeded {count:,} links, {count / (time.monotonic() - start):,.0f} links/s")
    except (IndexError, ValueError, KeyError):
        sys.exit("Say how many, such as `python -m shortener.lab2_postgres.seed 1_000_000`, and set DATABASE_URL.")
    except psycopg.Error as error:
        sys.exit(f"The database could not be seeded: {str(error).strip().splitlines()[0]}")
    except KeyboardInterrupt:
        sys.exit("Stopped: the links seeded so far are there.")


if __name__ == "__main__":
    main()
