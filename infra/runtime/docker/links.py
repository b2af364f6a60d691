"""Cut and slow links between containers: packet rules inside the source box's own network namespace.

A cut link drops every packet between the two boxes. A slow one hands them to a queue that a helper empties `delay`
seconds later (infra/images/delay.py): unlike netem, which many kernels lack, a packet queue is in nearly all."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from infra.errors import LabError, NotSupported
from infra.runtime.docker.cli import attempt
from infra.runtime.docker.containers import Container
from infra.runtime.docker.sidecar import Sidecars, in_network
from infra.state import Fault

CUT, SLOW = "uncut", "unslow"  # the undo verbs of the two faults: (source, target) and (source, target, seconds)
_CHAIN = "LAB-FAULTS"  # all our rules stand in a chain of our own; Docker's, in the nat table, are never touched
_READY = 10.0  # seconds that the delaying helper may take to stand


def install(project: str, source: str, faults: Sequence[Fault], found: Mapping[str, Container]) -> None:
    """Give the box `source` exactly the packet rules that `faults` ask for, none when there are none.

    A box that does not run has no network: its rules come when it starts. Raises NotSupported when the kernel has no
    packet queues."""
    sidecars = Sidecars(project)
    sidecars.end(f"slow-{source}")
    container = found.get(source)
    if container is None or container.state not in ("running", "paused"):
        return
    rules: list[str] = []
    queues: list[str] = []
    for fault in faults:
        if fault.undo not in (CUT, SLOW) or fault.arguments[0] != source:
            continue
        address = found[fault.arguments[1]].ip if fault.arguments[1] in found else ""
        if not address:
            continue
        if fault.undo == CUT:
            verdict = "DROP"
        else:
            queues.append(f"{len(queues) + 1}:{fault.arguments[2]}")
            verdict = f"NFQUEUE --queue-num {len(queues)} --queue-bypass"
        for side in ("--source", "--destination"):
            rule = f"{side} {address} -j {verdict}"
            rules.insert(0, rule) if fault.undo == CUT else rules.append(rule)  # a link both cut and slow is cut
    if queues:
        _start_delaying(sidecars, source, container, queues)
    try:
        sidecars.once(in_network(container), _script(rules))
    except LabError as error:
        if queues and "NFQUEUE" in str(error):
            raise _no_queues(error) from error
        raise


def _script(rules: Sequence[str]) -> str:
    """A shell script that replaces our chain's rules, and removes the chain when none is left."""
    lines = [f"iptables -w -n -L {_CHAIN} >/dev/null 2>&1 || iptables -w -N {_CHAIN}", f"iptables -w -F {_CHAIN}"]
    lines += [f"iptables -w -A {_CHAIN} {rule}" for rule in rules]
    for hook in ("INPUT", "OUTPUT"):
        jump = f"{hook} -j {_CHAIN}"
        if rules:
            lines.append(f"iptables -w -C {jump} 2>/dev/null || iptables -w -I {jump}")
        else:
            lines.append(f"! iptables -w -C {jump} 2>/dev/null || iptables -w -D {jump}")
    if not rules:
        lines.append(f"iptables -w -X {_CHAIN}")
    return "\n".join(lines)


def _start_delaying(sidecars: Sidecars, source: str, container: Container, queues: list[str]) -> None:
    """The helper stands and holds its queues before any rule sends it a packet."""
    command = ["python", "/usr/local/lib/lab/delay.py", *queues]
    helper = sidecars.keep(f"slow-{source}", in_network(container), command)
    deadline = time.monotonic() + _READY
    while time.monotonic() < deadline:
        said = attempt("logs", helper)
        if "ready" in said.stdout:
            return
        if attempt("inspect", "--format", "{{.State.Running}}", helper).stdout.strip() != "true":
            sidecars.end(f"slow-{source}")
            raise _no_queues(LabError((said.stderr.strip().splitlines() or ["it says nothing"])[-1]))
        time.sleep(0.02)
    sidecars.end(f"slow-{source}")
    raise LabError(f"The helper that slows the link was not ready within {_READY:.0f} s. Try again.")


def _no_queues(error: LabError) -> NotSupported:
    return NotSupported(
        f"This machine's kernel offers containers no packet queue (NFQUEUE), so a link cannot be slowed here: {error}\n"
        "Use RUNTIME=local, where links run through a relay."
    )
