"""A Procfile: which processes an app folder offers (`web`, `release`, and the one-off `seed` and `import`)."""

from __future__ import annotations

import re
from pathlib import Path

from infra.errors import LabError

_LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(\S.*)$")


def read_procfile(app: Path) -> dict[str, str]:
    """Process name to shell command, from `app`/Procfile.

    Raises LabError when there is none, a line is no `name: command`, or no `web` process is named."""
    path = app / "Procfile"
    if not path.is_file():
        raise LabError(f"{app} has no Procfile. Write one with a line such as `web: python server.py`, or check APP=.")
    processes: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise LabError(
                f"{path}:{number}: `{line.strip()}` is not `name: command`, such as `web: python server.py`."
            )
        processes[match[1]] = match[2].strip()
    if "web" not in processes:
        raise LabError(f"{path} names no `web` process. Add a line such as `web: python server.py`.")
    return processes
