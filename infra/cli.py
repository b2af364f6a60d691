"""The `lab` command: it names the verbs, and turns every error that a learner can meet into one sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
import traceback
from pathlib import Path

import typer

from infra.commands import (
    backup,
    balance,
    break_,
    capacity,
    check,
    cluster,
    copies,
    elect,
    explain,
    faults,
    hint,
    import_,
    load,
    numbers,
    regions,
    replay,
    restore,
    ring,
    seed,
    stage,
    trace,
)
from infra.commands.doctor import doctor
from infra.errors import LabError

INTERRUPTED = 130  # the shell's code for Ctrl-C
HELP = "Build, prove and break a service, lab by lab. `make` knows most of these words too."

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=HELP)

app.command("up")(stage.up)
app.command("down")(stage.down)
app.command("status")(stage.status)
app.command("logs")(stage.logs)
app.command("connect")(stage.connect)
app.command("check")(check.check)
app.command("load")(load.load)
app.command("break")(break_.break_)
app.command("doctor")(doctor)
app.command("kill")(faults.kill)
app.command("pause")(faults.pause)
app.command("resume")(faults.resume)
app.command("start")(faults.start)
app.command("stop")(faults.stop)
app.command("restart")(faults.restart)
app.command("fill")(faults.fill)
app.command("cut")(faults.cut)
app.command("slow")(faults.slow)
app.command("drain")(faults.drain)
app.command("admit")(faults.admit)
app.command("heal")(faults.heal)
app.command("scale")(copies.scale)
app.command("deploy")(copies.deploy)
app.command("failover")(cluster.failover)
app.command("switchover")(cluster.switchover)
app.command("replication")(cluster.replication)
app.command("numbers")(numbers.numbers)
app.command("trace")(trace.trace)
app.command("replay")(replay.replay)
app.command("explain")(explain.explain)
app.command("seed")(seed.seed)
app.command("import")(import_.import_links)
app.command("backup")(backup.backup)
app.command("restore")(restore.restore)
app.command("capacity")(capacity.capacity)
app.command("balance")(balance.balance)
app.command("ring")(ring.ring)
app.command("elect")(elect.elect)
app.command("regions")(regions.regions)
app.command("hint")(hint.hint)


def main() -> None:
    """Run the command. 0 done; 1 not, and why in one sentence; 2 misused; 75 cannot be decided; 130 Ctrl-C."""
    sys.exit(_run())


def _run() -> int:
    try:
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:  # typer makes Ctrl-C a silent exit code
            raise KeyboardInterrupt
        return code
    except LabError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("\nInterrupted: what this command had started is ended.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `lab logs app | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # the last door: a learner gets a sentence, the details go to a file
        return _misuse(error) or _defect(error)


def _misuse(error: Exception) -> int:
    """Show what typer says of a wrong word, and its exit code; 0 when the error is none of typer's."""
    show = getattr(error, "show", None)  # the class is private to typer, its two public members are not
    if show is None:
        return 0
    show()
    return int(getattr(error, "exit_code", 2))


def _defect(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        print(
            "The disk is full. Make room (`lab down --volumes` removes the stage's data), then try again.",
            file=sys.stderr,
        )
        return 1
    report = Path(tempfile.gettempdir()) / f"lab-defect-{os.getuid()}.txt"
    with contextlib.suppress(OSError):
        report.write_text(traceback.format_exc())
    print(
        f"The kit itself failed here ({type(error).__name__}: {error}). Details: {report}. `make down` cleans up.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    main()
