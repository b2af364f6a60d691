"""What fills docker-compose.yml for one stage: what is different in its lab (infra/config/lab-5.env), and what the
stage makes for itself: its passwords, and the port at which Kafka is published.

The latter is kept in a file that its owner alone can read, for as long as the data lives that they fit."""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import string
from collections.abc import Mapping
from pathlib import Path

from infra.compose.dotenv import read_env_file
from infra.errors import LabError
from infra.project import ROOT, Project
from infra.runtime.ports import is_free
from infra.secret_file import write_secret

FILE = "own.json"
_PASSWORDS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD")
_KAFKA_PORT = "KAFKA_PORT"
_OLD_DATA = ("postgres-data", ".docker")  # below `volumes`: of the local runtime, of the docker runtime
# Letters and digits alone: they stand in URLs and in configuration files as they are.
_LETTERS = string.ascii_letters + string.digits
_RANGE = range(10_000, 20_000)  # below what kernels give to outgoing connections; the local stage's own ports are above


def own_variables(project: Project) -> dict[str, str]:
    """The stage's own variables, made now if it has none. Those of the environment, if not empty, go before them."""
    own = {**of_lab(project.lab), **(_read(project) or _make(project))}
    return {name: os.environ.get(name) or value for name, value in own.items()}


def of_lab(lab: int) -> dict[str, str]:
    """What is different in that lab, for boxes that it shares with others."""
    file = ROOT / "infra" / "config" / f"lab-{lab}.env"
    return read_env_file(file, {}) if file.exists() else {}


def renew_port(project: Project) -> bool:
    """Choose another port for Kafka if somebody took it while the stage was down. Whether that was done."""
    own = _read(project)
    if own is None or os.environ.get(_KAFKA_PORT) or is_free(int(own[_KAFKA_PORT])):
        return False
    write_secret(_file(project), json.dumps({**own, _KAFKA_PORT: _free_port()}))
    return True


def variable_of(port: int, variables: Mapping[str, str]) -> str:
    """The name of the variable by which a learner chooses that published port."""
    return _KAFKA_PORT if variables.get(_KAFKA_PORT) == str(port) else "PORT"


def forget(project: Project) -> None:
    """For when the data is gone that they fit."""
    _file(project).unlink(missing_ok=True)


def _file(project: Project) -> Path:
    return project.folder / FILE


def _read(project: Project) -> dict[str, str] | None:
    try:
        own = json.loads(_file(project).read_text())
        return {name: str(own[name]) for name in (*_PASSWORDS, _KAFKA_PORT)}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(
            f"{_file(project)} cannot be read. Its passwords are lost: `lab down --volumes` removes it with its data."
        ) from error


def _make(project: Project) -> dict[str, str]:
    """Two commands may do so at once: the first one's stay."""
    own = {name: "".join(secrets.choice(_LETTERS) for _ in range(24)) for name in _PASSWORDS}
    if any((project.folder / "volumes" / kept).exists() for kept in _OLD_DATA):
        own["POSTGRES_PASSWORD"] = "lab"  # data from before there were own passwords
    own[_KAFKA_PORT] = _free_port()
    scratch = _file(project).with_name(f"{FILE}.{secrets.token_hex(4)}.new")
    write_secret(scratch, json.dumps(own))
    with contextlib.suppress(FileExistsError):
        os.link(scratch, _file(project))
    scratch.unlink()
    return _read(project) or own


def _free_port() -> str:
    for port in random.sample(_RANGE, k=len(_RANGE)):
        if is_free(port):
            return str(port)
    raise LabError("No free port is left between 10000 and 20000. End some of the servers on this machine.")
