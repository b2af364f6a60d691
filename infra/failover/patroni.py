"""What the nodes are asked and told over Patroni's REST API, which both runtimes publish on 127.0.0.1. Lab 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from infra.errors import LabError
from infra.runtime.protocol import Runtime

REST = 8008  # inside the box
_SECONDS = 2.0


def nodes(runtime: Runtime) -> list[str]:
    """The names of the cluster's nodes, in the compose file's order. Raises LabError when the stage has no cluster."""
    found = [box.name for box in runtime.stage.boxes if box.native.kind == "patroni"]
    if not found:
        raise LabError("This stage has one Postgres and no cluster, which stands from lab 5 on. Try `make lab-5`.")
    return found


def ask(runtime: Runtime, path: str) -> dict[str, Any]:
    """The document at that path of the first node that answers. Raises LabError when none does."""
    for node in nodes(runtime):
        if (found := ask_node(runtime, node, path)) is not None:
            return found
    raise LabError("No node can tell how the cluster is: each asks etcd. Look with `lab status`; `make heal` mends it.")


def ask_node(runtime: Runtime, node: str, path: str) -> dict[str, Any] | None:
    """The document at that path of one node; None when it does not answer."""
    try:
        answer = httpx.get(_url(runtime, node, path), timeout=_SECONDS, trust_env=False)
        return dict(answer.json())
    except (LabError, httpx.HTTPError, ValueError):  # a box that does not run has no address in containers
        return None


def tell(runtime: Runtime, node: str, method: str, path: str, document: Mapping[str, Any], seconds: float) -> str:
    """What Patroni says to the order, which may take that long. Raises LabError when it refuses."""
    try:
        answer = httpx.request(method, _url(runtime, node, path), json=document, timeout=seconds, trust_env=False)
    except httpx.HTTPError as error:
        raise LabError(f"{node} did not answer within {seconds:g} s ({error}). Look with `lab status`.") from error
    if answer.status_code >= 400:
        raise LabError(f"{node} refused: {answer.text.strip()}. Look with `lab status`, then try again.")
    return answer.text.strip()


def _url(runtime: Runtime, node: str, path: str) -> str:
    host, port = runtime.address(node, REST)
    return f"http://{host}:{port}{path}"
