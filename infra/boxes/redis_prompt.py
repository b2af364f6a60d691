"""`python -m infra.boxes.redis_prompt PORT FILE`: a prompt for Redis commands, on machines that have no valkey-cli.

A line is sent as it is typed, and the reply is shown as the real client would. FILE holds the password."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

with contextlib.suppress(ImportError):
    import readline  # noqa: F401 - gives `input` its history


def main() -> None:
    port, file = int(sys.argv[1]), Path(sys.argv[2])
    once = Retry(NoBackoff(), 0)
    client = redis.Redis(port=port, password=file.read_text(), decode_responses=True, retry=once)
    prompt = f"127.0.0.1:{port}> " if sys.stdin.isatty() else ""
    if prompt:
        print("Redis commands, such as: GET, PTTL, INFO stats, MONITOR (Ctrl-C ends that). Ctrl-D leaves.")
    try:
        while (line := typed(prompt)).lower() not in ("exit", "quit"):
            if line:
                answer(client, line)
    except EOFError:
        return
    except BrokenPipeError:  # `lab connect redis < commands | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def typed(prompt: str) -> str:
    """The next line; Ctrl-C throws away what was begun. Raises EOFError at the end."""
    try:
        return input(prompt).strip()
    except KeyboardInterrupt:
        print()
        return ""


def answer(client: redis.Redis, line: str) -> None:
    """Send one line and print what comes back."""
    connection: Any = None
    try:
        words = shlex.split(line)
        connection = client.connection_pool.get_connection()
        connection.send_command(*words)
        print(shown(connection.read_response()), flush=True)
        while words[0].upper() in ("MONITOR", "SUBSCRIBE", "PSUBSCRIBE"):
            print(shown(connection.read_response(timeout=None)), flush=True)
    except redis.ResponseError as error:
        print(f"(error) {error}")
    except (redis.RedisError, ValueError) as error:
        print(f"(not sent) {error}")
    except KeyboardInterrupt:
        print()
        connection.disconnect()
    finally:
        if connection is not None:
            client.connection_pool.release(connection)


def shown(reply: Any, indent: str = "") -> str:
    """A reply as valkey-cli prints it."""
    if reply is None:
        return "(nil)"
    if isinstance(reply, int):
        return f"(integer) {reply}"
    if isinstance(reply, (list, tuple)):
        width = len(str(len(reply)))
        lines = [f"{n:>{width}}) {shown(item, indent + ' ' * (width + 2))}" for n, item in enumerate(reply, 1)]
        return f"\n{indent}".join(lines) or "(empty array)"
    return str(reply)


if __name__ == "__main__":
    main()
