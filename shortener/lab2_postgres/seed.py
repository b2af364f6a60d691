"""`python -m shortener.lab2_postgres.seed COUNT`: that many links at once, by COPY, index and all. Lab 2.

They lead to https://example.com/articles/…, four links to each, and fifty lead to https://example.com/popular; one was
made each second until now. COPY is binary, on two connections, a transaction a chunk: others may read and write."""

import contextlib
import itertools
import os
import struct
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue

import psycopg

from shortener.lab1_file.links import BASE62, RESERVED

CHUNK = 25_000
LANES = 2
POPULAR = b"https://example.com/popular"
_POSTGRES_EPOCH = 946_684_800  # 2000-01-01, in seconds since 1970
_HEAD, _TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_TO_BASE62 = bytes(BASE62.encode()[byte % 62] for byte in range(256))
_UNFAIR = bytes(range(248, 256))  # the bytes left over when 256 is shared among 62 characters


def random_ids(count: int) -> list[bytes]:
    """Different ids, sorted, so that neighbours of the index's pages come together: half of the cost of a chunk."""
    ids: set[bytes] = set()
    while len(ids) < count:
        characters = os.urandom(8 * (count - len(ids))).translate(_TO_BASE62, _UNFAIR)
        ids.update(characters[at : at + 7] for at in range(0, len(characters) - 6, 7))
        ids.difference_update(name.encode() for name in RESERVED)
    return sorted(itertools.islice(ids, count))


def rows(chunk: range, count: int, now: int) -> Iterator[bytes]:
    """The links of those numbers below `count`, each a row of binary COPY: how many fields, each after its length."""
    step = max(count // 50, 1)
    for number, link_id in zip(chunk, random_ids(len(chunk)), strict=True):
        url = POPULAR if number % step == 0 else b"https://example.com/articles/%07d?ref=feed" % (number // 4)
        created_at = (now - count + number - _POSTGRES_EPOCH) * 1_000_000
        yield b"\0\3\0\0\0\7%b\0\0\0%c%b%b" % (link_id, len(url), url, struct.pack(">iq", 8, created_at))


def copy(lanes: SimpleQueue[psycopg.Connection], chunk: range, count: int, now: int) -> int:
    connection = lanes.get()
    try:
        with connection.transaction(), connection.cursor() as cursor:
            with cursor.copy("COPY links (id, url, created_at) FROM STDIN (FORMAT binary)") as target:
                target.write(_HEAD + b"".join(rows(chunk, count, now)) + _TAIL)
    except psycopg.errors.UniqueViolation:  # one of the ids is taken: once in some millions
        return 0
    finally:
        lanes.put(connection)
    return len(chunk)


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
    try:
        count, start, shown = int(sys.argv[1].replace("_", "")), time.monotonic(), 0
        for done in seed(os.environ["DATABASE_URL"], count):
            rate = done / (time.monotonic() - start)
            line = f"{done * 100 // count:3} %  {done:,} of {count:,} links, {rate:,.0f} links/s"
            if sys.stderr.isatty():
                print(f"\r{line}", end="" if done < count else "\n", file=sys.stderr, flush=True)
            elif done * 10 // count > shown:
                shown = done * 10 // count
                print(line, file=sys.stderr, flush=True)
        print(f"seeded {count:,} links, {count / (time.monotonic() - start):,.0f} links/s")
    except (IndexError, ValueError, KeyError):
        sys.exit(
            "Say how many links, such as `python -m shortener.lab2_postgres.seed 1_000_000`, and set DATABASE_URL."
        )
    except psycopg.Error as error:
        sys.exit(f"The database could not be seeded: {str(error).strip().splitlines()[0]}")
    except KeyboardInterrupt:
        sys.exit("Stopped: the links seeded so far are there.")


if __name__ == "__main__":
    main()
