"""A tiny service for the local runtime's tests: /healthz, /readyz (asks Postgres), /append writes to LINKS_FILE."""

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


ROUTES = {"/healthz": lambda: None, "/readyz": _ask_postgres, "/append": _append}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = 200
        try:
            ROUTES[self.path]()
        except (OSError, psycopg.Error) as error:
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
