"""Imports point down only, and the contracts which say so have teeth."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SETTINGS = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]


def _lint(directory: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def test_every_import_goes_the_allowed_way() -> None:
    done = _lint(_ROOT)
    assert done.returncode == 0, done.stdout
    assert f"Contracts: {len(_SETTINGS['contracts'])} kept, 0 broken." in done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house once more, to do wrong in."""
    directory = tmp_path_factory.mktemp("house")
    shutil.copy(_ROOT / "pyproject.toml", directory)
    for package in _SETTINGS["root_packages"]:
        shutil.copytree(_ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    return directory


@pytest.mark.parametrize(
    ("module", "forbidden", "contract"),
    [
        ("connector/domain", "connector.db", "imports point down only"),
        ("connector/db", "connector.flow", "imports point down only"),
        ("connector/flow", "platforms.http", "imports point down only"),
        ("platforms", "webhooks", "imports point down only"),
        ("platforms/shopify", "connector.flow", "platforms see the port and the domain only"),
        ("platforms/woocommerce", "sqlalchemy", "platforms see the port and the domain only"),
        ("platforms/shopify", "platforms.bigcommerce", "platforms do not see each other"),
        ("connector/flow", "redis", "the product knows no web, no queue, no platform, no settings"),
        ("connector/db", "config.settings", "the product knows no web, no queue, no platform, no settings"),
        ("connector/domain", "sqlalchemy", "the domain and the port are pure"),
        ("desk", "sandbox", "the sandbox is imported by nothing but the demo"),
    ],
)
def test_a_wrong_import_is_found(copy: Path, module: str, forbidden: str, contract: str) -> None:
    wrong = copy / module / "wrong.py"
    wrong.write_text(f"import {forbidden}\n")
    done = _lint(copy)
    wrong.unlink()
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout
