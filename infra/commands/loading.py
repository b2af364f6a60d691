"""`lab load N`: the lab's locust load on the standing stage, with a live table or on Locust's own page."""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.live import Live as LiveTable
from rich.table import Table

from infra.commands.context import current, lab_number
from infra.commands.experiment_stage import free_port
from infra.copies import front
from infra.errors import LabError
from infra.experiment.keepalive import Connection
from infra.experiment.load.event_log import FOLDER_PREFIX
from infra.experiment.load.first_links import make_links
from infra.experiment.load.live_log import LiveLog, live_log
from infra.experiment.load.plan import Load, headless, locust_arguments
from infra.experiment.load.process import LoadProcess, hand_over, load_process, until_began
from infra.experiment.picture import duration
from infra.experiment.timeline import Request, percentile
from infra.runtime.protocol import Runtime

_GLANCE = 0.25  # seconds between two pictures of the table


def put_load(lab: int, wanted: Load, *, ui: bool) -> None:
    """Run it until it ends or Ctrl-C does. Raises LabError when no stage of that lab stands."""
    lab_number(lab)
    runtime = current()
    if not any(f"lab-{lab}" in box.profiles for box in runtime.stage.boxes):
        raise LabError(f"The stage that stands is not lab {lab}'s. Bring that one up first: `make lab-{lab}`.")
    if ui:
        _on_the_page(runtime, lab, wanted)
    else:
        _in_the_terminal(runtime, lab, wanted)


def _in_the_terminal(runtime: Runtime, lab: int, wanted: Load) -> None:
    console, interrupted = Console(highlight=False), False
    with _running(runtime, lab, wanted, headless(wanted)) as (process, log):
        began = until_began(process, log.began)
        console.print(f"Load on lab {lab}: {wanted}. Ctrl-C ends it.")
        try:
            with LiveTable(console=console, auto_refresh=False, transient=True) as view:
                while process.running:
                    view.update(_table(log.so_far(), time.monotonic() - began), refresh=True)
                    time.sleep(_GLANCE)
            process.wait(0)
        except KeyboardInterrupt:
            interrupted = True
            process.end()
        requests = log.finish()
    if not requests and not interrupted:
        raise LabError("Not one request was made. See `lab status` and `lab logs app`, then try again.")
    console.print(_table(requests, max((request.end for request in requests), default=math.inf)))
    if interrupted:
        raise typer.Exit(130)


def _on_the_page(runtime: Runtime, lab: int, wanted: Load) -> None:
    port = free_port()
    with _running(runtime, lab, wanted, ["--web-host", "127.0.0.1", "--web-port", str(port)]) as (process, _):
        _until_answering(process, port)
        print(f"Locust's page: http://127.0.0.1:{port}   (Start there; Ctrl-C here ends it.)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while process.running:
                time.sleep(_GLANCE)
            raise process.error()
        process.end()
        print("\nThe load has ended.")


@contextlib.contextmanager
def _running(runtime: Runtime, lab: int, wanted: Load, how: Sequence[str]) -> Iterator[tuple[LoadProcess, LiveLog]]:
    """Locust on the stage's service, with links to read and an event log to follow; gone when the block is left."""
    address = runtime.address(front(runtime.stage))
    base = f"http://{address[0]}:{address[1]}"
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as name:
        events, handed = Path(name, "events.jsonl"), Path(name, "links.json")
        arguments = [*locust_arguments(wanted, lab, [base]), *how, "--event-log", str(events)]
        arguments += ["--links-file", str(handed)]
        output = Path(name, "locust.txt")
        with load_process(arguments, output) as process, live_log(events, lambda tick: None) as log:
            hand_over(make_links(address, wanted.links), handed)
            yield process, log


def _until_answering(process: LoadProcess, port: int) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        if not process.running:
            raise process.error()
        with contextlib.suppress(OSError), Connection(("127.0.0.1", port), timeout=2) as connection:
            connection.ask("GET", "/")
            return
        time.sleep(0.05)
    raise LabError("Locust's page did not come up within 30 s. Is the machine very busy? Try again.")


def _table(requests: Sequence[Request], seconds: float) -> Table:
    """A line a kind of request: how many, how many a second, how they ended, how long they took."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("request", "count", "a second", "failed", "unknown", "median", "p99", "longest"):
        table.add_column(column, justify="left" if column == "request" else "right")
    for name in sorted({request.name for request in requests}):
        _row(table, name, [request for request in requests if request.name == name], seconds)
    _row(table, f"in all, {seconds:.0f} s" if math.isfinite(seconds) else "in all", requests, seconds)
    return table


def _row(table: Table, name: str, requests: Sequence[Request], seconds: float) -> None:
    latencies = [request.seconds for request in requests]
    outcomes = [request.outcome for request in requests]
    times = [percentile(latencies, share) for share in (0.5, 0.99, 1.0)]
    table.add_row(
        name,
        f"{len(requests):,}",
        f"{len(requests) / max(seconds, 0.1):.0f}",
        f"{outcomes.count('failed'):,}",
        f"{outcomes.count('unknown'):,}",
        *("" if value is None else duration(value) for value in times),
    )
