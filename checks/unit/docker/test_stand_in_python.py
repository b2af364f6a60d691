"""The Python image, official or stand-in, is laid out as a learner's Dockerfile expects it."""

from __future__ import annotations

import json

import pytest

from checks.unit.docker.helpers import docker
from infra.runtime.docker import images

pytestmark = pytest.mark.usefixtures("engine")

QUESTIONS = """
import json, os, shutil, subprocess, sys, sysconfig, venv
venv.create("/tmp/venv", with_pip=True)
print(json.dumps({
    "version": sys.version_info[:2],
    "commands": [shutil.which(name) for name in ("python", "python3", "pip")],
    "packages": os.path.realpath(sysconfig.get_path("purelib"))
    == os.path.realpath("/usr/local/lib/python3.13/site-packages"),
    "pip as root": subprocess.run(["pip", "install", "--dry-run", "--no-index", "pip"], capture_output=True).returncode,
    "language": os.environ.get("LANG"),
    "encoding": sys.getfilesystemencoding(),
    "user": os.getuid(),
}))
"""


def test_commands_packages_pip_venv_language_and_user() -> None:
    image = images.chosen(images.which())["LAB_PYTHON_IMAGE"]
    assert json.loads(docker("run", "--rm", "--network=none", image, "python", "-c", QUESTIONS)) == {
        "version": [3, 13],
        "commands": ["/usr/local/bin/python", "/usr/local/bin/python3", "/usr/local/bin/pip"],
        "packages": True,
        "pip as root": 0,
        "language": None,
        "encoding": "utf-8",
        "user": 0,
    }
