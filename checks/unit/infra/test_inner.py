"""The processes inside one box that can be killed alone: which there are, and how a wrong name is answered."""

from __future__ import annotations

import pytest

from infra.compose.box import Box
from infra.errors import LabError
from infra.project import COMPOSE_FILE
from infra.runtime.inner import needs_undo, pid_file
from infra.stage import read_stage

DATA = "/var/lib/postgresql/data"


def box(name: str) -> Box:
    return read_stage(COMPOSE_FILE, frozenset({"lab-5"}), {}).box(name)


def test_a_node_of_the_cluster_has_two_of_them() -> None:
    assert pid_file(box("pg-2"), "patroni") == f"{DATA}/patroni.pid"
    assert pid_file(box("pg-2"), "postgres") == f"{DATA}/node/postmaster.pid"


def test_what_the_box_does_not_have_is_answered_with_what_there_is() -> None:
    with pytest.raises(LabError, match=r"pg-1 has no process nothing .* It has patroni and postgres\."):
        pid_file(box("pg-1"), "nothing")
    with pytest.raises(LabError, match=r"redis has no process postgres .*`lab kill redis` kills all of it"):
        pid_file(box("redis"), "postgres")


def test_postgres_is_brought_back_by_patroni_and_patroni_by_nobody() -> None:
    assert needs_undo("patroni")
    assert not needs_undo("postgres")
