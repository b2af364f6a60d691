"""A tiny service for the local runtime's tests: /healthz, /readyz (asks Postgres), /append writes to LINKS_FILE, /redis
and /kafka ask these."""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg


def _append() -> None:
    with Path(os.environ["LINKS_FILE"]).open("ab") as file:
        file.write(b"x" * 100)
        file.flush()
        os.fsync(file.fileno())


def _ask_postgres() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=2) as connection:
        connection.execute("SELECT * FROM released")


def _ask_redis() -> None:
    import redis

    with redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2) as client:
        client.ping()


def _ask_kafka() -> None:
    """Produce an event: the client must follow what the broker says about where it is."""
    from confluent_kafka import Producer

    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    producer = Producer({"bootstrap.servers": servers, "message.timeout.ms": 2000, "log_level": 0})
    failures: list[object] = []
    producer.produce("clicks", b"{}", on_delivery=lambda error, _: failures.append(error) if error else None)
    if producer.flush(3.0) or failures:
        raise OSError(f"no event can be sent: {failures}")


ROUTES = {
    "/healthz": lambda: None,
    "/readyz": _ask_postgres,
    "/append": _append,
    "/redis": _ask_redis,
    "/kafka": _ask_kafka,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = 200
        try:
            ROUTES[self.path]()
        except Exception as error:
            print(f"{self.path}: {error}", file=sys.stderr)
            status = 503
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


if __name__ == "__main__":
    if os.environ.get("TINY_DIES"):
        sys.exit("tiny server: I was told to die")
    server = ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
    print("listening", os.environ["PORT"])
    server.serve_forever()
