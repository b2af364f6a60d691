"""The image's name follows the content of the app's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.runtime.docker.app import image_name


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "server.py").write_text("print(1)")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "other.py").write_text("print(2)")
    return tmp_path


def test_the_same_content_has_the_same_name_and_caches_do_not_count(app: Path) -> None:
    before = image_name(app, "python")
    (app / "__pycache__").mkdir()
    (app / "__pycache__" / "server.cpython-313.pyc").write_bytes(b"cache")
    assert image_name(app, "python") == before


def test_content_names_modes_links_and_the_base_all_count(app: Path) -> None:
    names = [image_name(app, "python"), image_name(app, "another")]
    (app / "server.py").write_text("print(3)")
    names.append(image_name(app, "python"))
    (app / "inner" / "other.py").rename(app / "inner" / "renamed.py")
    names.append(image_name(app, "python"))
    (app / "server.py").chmod(0o755)
    names.append(image_name(app, "python"))
    (app / "link").symlink_to("server.py")
    names.append(image_name(app, "python"))
    assert len(set(names)) == len(names)
