"""The peers' own environment under build/peers, made at first use with the versions below."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.programs import ROOT

PINNED = (
    "celery[redis]==5.7.0",
    "dramatiq[redis]==2.2.1",
    "flask==3.1.3",
    "granian==2.8.7",
    "psycopg[binary]==3.3.9",
    "redis==8.1.0",
    "rq==3.0.0",
    "sqlalchemy==2.1.9",
)
_DIRECTORY = ROOT / "build" / "peers"
_NOTED, _WANTED = _DIRECTORY / "pinned.txt", "\n".join(PINNED)
SOURCES = Path(__file__).parent / "peers"


def is_made() -> bool:
    """Whether the environment is there, with the versions above."""
    return _NOTED.exists() and _NOTED.read_text() == _WANTED


def made() -> Path:
    """The directory of the environment's programs."""
    if not is_made():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(_DIRECTORY)], check=True)
        pip = [str(_DIRECTORY / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PINNED], check=True)
        _NOTED.write_text(_WANTED)
    return _DIRECTORY / "bin"
