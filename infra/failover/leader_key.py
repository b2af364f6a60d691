"""The key in etcd that says who leads, and who holds it: read, watched, and taken from a node that is dead. Lab 5.

Over the JSON gateway of etcd's v3 API (POST /v3/kv/…, keys and values in base64)."""

from __future__ import annotations

import base64
from typing import Any

import httpx

from infra.errors import LabError
from infra.runtime.protocol import Runtime

_CLIENTS = 2379  # inside the box
_SECONDS = 2.0


class LeaderKey:
    """The one of the stage's cluster; close it after use."""

    def __init__(self, runtime: Runtime) -> None:
        host, port = runtime.address("etcd", _CLIENTS)
        scope = next(box for box in runtime.stage.boxes if box.native.kind == "patroni").environment["PATRONI_SCOPE"]
        self._key = _coded(f"/service/{scope}/leader")
        self._http = httpx.Client(base_url=f"http://{host}:{port}", timeout=_SECONDS, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def holder(self) -> str | None:
        """Who holds the lease; None when nobody does. Raises LabError when etcd does not answer."""
        found = self._post("/v3/kv/range", {"key": self._key}).get("kvs")
        return base64.b64decode(found[0]["value"]).decode() if found else None

    def take_from(self, holder: str) -> bool:
        """Delete the key if that node still holds it, in one transaction; whether it did.

        Only for who *knows* that the node is dead: the lease is what keeps a node that merely cannot be reached from
        leading beside another one."""
        compare = {"key": self._key, "target": "VALUE", "result": "EQUAL", "value": _coded(holder)}
        delete = {"requestDeleteRange": {"key": self._key}}
        return bool(self._post("/v3/kv/txn", {"compare": [compare], "success": [delete]}).get("succeeded"))

    def _post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._http.post(path, json=document)
            answer.raise_for_status()
            return dict(answer.json())
        except (httpx.HTTPError, ValueError) as error:
            raise LabError(f"etcd does not answer ({error}). `make heal` brings it back.") from error


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
