"""etcd over its JSON gateway: what a lease needs of it, and no more. Lab 5.

Keys and values travel as base64, and whole numbers as text: JSON knows no 64 bits."""

import base64
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from shortener.lab5_failover.election.lease import LeaseAway

SECONDS = 5.0  # for an answer

Answer = dict[str, Any]


class EtcdGateway:
    def __init__(self, url: str) -> None:
        """The server may be down. Raises ValueError for anything but http://host:port."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise ValueError("ETCD_URL is not an address of etcd: http://host:2379")
        self._host, self._port = parts.hostname, parts.port

    def grant(self, seconds: int) -> tuple[str, float]:
        """A new lease: its id, and for how many seconds it holds. etcd gives 2 s at least."""
        answer = self._ask("lease/grant", {"TTL": seconds})
        return str(answer["ID"]), float(answer["TTL"])

    def keep_alive(self, lease: str) -> bool:
        """Whether that lease was still there; then it holds for its whole time again."""
        return int(self._ask("lease/keepalive", {"ID": lease})["result"].get("TTL", 0)) > 0

    def revoke(self, lease: str) -> None:
        """It is gone, and its keys with it; gone already is fine too."""
        self._ask("lease/revoke", {"ID": lease}, fine=(404,))

    def is_there(self, key: str) -> bool:
        return int(self._ask("kv/range", {"key": _packed(key), "count_only": True}).get("count", 0)) > 0

    def put_if_absent(self, key: str, value: str, lease: str) -> int | None:
        """The key's create revision, once this has made it; None where it was there before. One transaction."""
        absent = {"key": _packed(key), "target": "CREATE", "result": "EQUAL", "create_revision": "0"}
        put = {"request_put": {"key": _packed(key), "value": _packed(value), "lease": lease}}
        answer = self._ask("kv/txn", {"compare": [absent], "success": [put]})
        return int(answer["header"]["revision"]) if answer.get("succeeded") else None

    def _ask(self, path: str, question: Answer, fine: tuple[int, ...] = ()) -> Answer:
        """Raises LeaseAway when no answer comes, or one that is no success and none of `fine`."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=SECONDS)
        try:
            connection.request("POST", f"/v3/{path}", json.dumps(question))
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 and answer.status not in fine:
                raise LeaseAway(f"etcd answered {answer.status}: {body[:200].decode(errors='replace')}")
            return dict(json.loads(body))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise LeaseAway(f"etcd: {error or type(error).__name__}") from error
        finally:
            connection.close()  # it is asked a few times a second: a connection for each costs little


def _packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
