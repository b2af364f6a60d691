"""What the machine refuses while a stage is changed - a full disk, another user's files - said in a sentence."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

import psutil

from infra import project as places
from infra.errors import LabError


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Inside, an error of the operating system becomes a LabError with the next step."""
    try:
        yield
    except psutil.AccessDenied as error:
        raise LabError(
            f"Process {error.pid} of this stage belongs to another user. Do this as the user who brought the stage up."
        ) from error
    except BrokenPipeError:
        raise  # of whoever read our words, and no trouble of the machine
    except OSError as error:
        raise LabError(_sentence(error)) from error


def _sentence(error: OSError) -> str:
    where = error.filename or places.LAB_HOME
    # shutil.copytree reports what happened to each file as a list.
    said = error.strerror or str(error)[-300:]
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in said:
        return f"The disk is full ({where}). Make room, look with `df -h {places.LAB_HOME}`, then try again."
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{where} belongs to another user: was the kit run as root here? Change its owner, or remove that folder."
        )
    return f"{where} cannot be used: {said}. Mend that, then try again."
