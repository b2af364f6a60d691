"""Lab 2's stage in the local runtime: a real Postgres, its links, its faults, and a reboot's remains."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from checks.unit.infra.conftest import OpenStage
from checks.unit.infra.helpers import living_below, soon
from checks.unit.infra.looking import get, quiet, volume
from infra import state
from infra.errors import LabError, NotSupported


class TestLab2:
    def test_the_whole_of_it(self, open_stage: OpenStage, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        runtime, said = open_stage(2), list[str]()
        runtime.up(said.append)
        assert [line.split(" (")[0] for line in said] == ["postgres is ready", "migrate is done", "app-lab2 is ready"]
        assert [box.state for box in runtime.status()] == ["running", "completed", "running"]
        assert all(box.ready for box in runtime.status())
        assert get(runtime, "/readyz") == 200

        faults: list[Callable[[], None]] = [
            lambda: runtime.kill("postgres"),
            lambda: runtime.pause("postgres"),
            lambda: runtime.cut("app", "postgres"),
            lambda: runtime.slow("postgres", "app", 2.0),
        ]
        for fault in faults:
            fault()
            assert len(runtime.faults()) == 1
            assert get(runtime, "/readyz") in (0, 503)
            runtime.heal()
            assert (get(runtime, "/readyz"), runtime.faults()) == (200, [])
        runtime.restart("postgres")
        assert get(runtime, "/readyz") == 200

        with pytest.raises(NotSupported, match="postgres cannot be filled"):
            runtime.fill("postgres")
        with pytest.raises(LabError, match="no link between app-lab2 and migrate"):
            runtime.cut("app", "migrate")
        with pytest.raises(LabError, match="migrate has done its work"):
            runtime.kill("migrate")

        (tmp_path / "in").write_text("input")
        assert runtime.run("seed", ["1", "two words"], stdin=tmp_path / "in") == 7
        assert "['1', 'two words'] input (0,)" in capfd.readouterr().out
        asked = subprocess.run(
            [*runtime.connect("postgres"), "-Atc", "SHOW max_connections"], capture_output=True, check=True
        )
        assert asked.stdout == b"50\n"

        for box in runtime.stage.boxes:
            for process in runtime.boxes.process(box).members():
                with contextlib.suppress(psutil.NoSuchProcess):  # Postgres ends the process of a client that left
                    assert {connection.laddr[0] for connection in process.net_connections("tcp")} <= {"127.0.0.1"}
        runtime.down()
        assert living_below(runtime.project.folder) == []

    def test_postgres_is_durable_and_asks_for_its_password(self, open_stage: OpenStage) -> None:
        runtime = open_stage(2)
        runtime.up(quiet)

        def ask(statement: str) -> str:
            words = [*runtime.connect("postgres"), "-Atc", statement]
            return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert ask(f"SHOW {setting}") == "on"
        ask("CREATE TABLE kept AS SELECT 42 AS answer")
        runtime.kill("postgres")
        runtime.start("postgres")
        assert ask("SELECT answer FROM kept") == "42"
        runtime.down()
        runtime.up(quiet)
        assert ask("SELECT answer FROM kept") == "42"
        *_, psql, url = runtime.connect("postgres")
        wrong = ["env", "PGPASSWORD=wrong", psql, url]
        refused = subprocess.run(wrong, capture_output=True, text=True, check=False)
        assert "password authentication failed" in refused.stderr

    @pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' list of shared memory")
    def test_a_killed_postgres_leaves_no_shared_memory(self, open_stage: OpenStage) -> None:
        def kept() -> list[str]:
            rows = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
            return [row.split()[1] for row in rows]

        runtime = open_stage(2)
        runtime.up(quiet)
        mine = (volume(runtime, "postgres-data") / "postmaster.pid").read_text().splitlines()[6].split()[1]
        assert mine in kept()
        runtime.kill("postgres")
        assert mine in kept()
        runtime.down()
        assert mine not in kept()

    def test_up_starts_what_does_not_run(self, open_stage: OpenStage) -> None:
        runtime, said = open_stage(2), list[str]()
        runtime.up(quiet)
        runtime.kill("postgres")
        runtime.boxes.relay.process.kill()
        runtime.up(said.append)
        assert get(runtime, "/readyz") == 200
        assert runtime.faults() == []
        runtime.cut("app", "postgres")
        runtime.up(said.append)
        assert any("Still in force: no bytes pass" in line for line in said)
        assert len(runtime.faults()) == 1

    def test_a_reboots_stale_files_do_no_harm(self, open_stage: OpenStage) -> None:
        runtime = open_stage(2)
        runtime.up(quiet)
        boxes = runtime.project.folder / "boxes"
        for process in living_below(boxes):
            process.kill()
        soon(lambda: not any(box.state == "running" for box in runtime.status()))
        # After a reboot the numbers in the files may be anybody's.
        stale = [*boxes.glob("*.pid"), volume(runtime, "postgres-data") / "postmaster.pid"]
        for file in stale:
            lines = file.read_text().splitlines() or [""]
            file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
            os.utime(file, (1, 1))
        state.set_faults(runtime.project, [state.Fault("postgres is paused", "resume", ("postgres",))])
        runtime.up(quiet)
        assert get(runtime, "/readyz") == 200
        assert runtime.faults() == []
        runtime.down()
        assert psutil.pid_exists(os.getppid())
