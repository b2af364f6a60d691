"""`lab start N`: a folder to build lab N's service in, that runs and does not pass yet."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.commands.context import lab_number
from infra.errors import LabError
from infra.project import ROOT


def lay_down(lab: int, folder: Path) -> None:
    """Copy lab N's starter to `folder`. Raises LabError when there is something at that place already."""
    source = starter_of(lab)
    if folder.exists() or folder.is_symlink():
        raise LabError(
            f"{folder} is there already, and is left as it is. Name another: `lab start {lab} my-other-try`."
        )
    scratch = folder.with_name(f".{folder.name}.new")  # so that a full disk or Ctrl-C leaves no half of a starter
    try:
        shutil.copytree(source, scratch, ignore=shutil.ignore_patterns("__pycache__"))
        scratch.rename(folder)
    except (OSError, shutil.Error) as error:
        raise LabError(f"The starter could not be written to {folder}: {error}. Is there room, and may you?") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"Lab {lab}'s starter is in {folder}. It runs, and its checks fail: the TODOs say what is missing.\n")
    print("Next:")
    for words, meaning in (
        (f"make lab-{lab} APP={folder}", "it stands"),
        (f"make check-{lab} APP={folder}", "what is still missing"),
        (f"lab hint {lab}", "a nudge, when you are stuck; asked again, it says more"),
    ):
        print(f"  {words:<{len(str(folder)) + 20}} {meaning}")


def starter_of(lab: int) -> Path:
    """The folder of lab N's starter. Raises LabError when there is no such lab."""
    lab_number(lab)
    (source,) = (ROOT / "labs").glob(f"lab{lab}_*/starter")
    return source
