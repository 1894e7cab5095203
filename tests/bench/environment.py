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
SOURCES = Path(__file__).parent / "peers"


def made() -> Path:
    """The directory of the environment's programs."""
    noted = _DIRECTORY / "pinned.txt"
    wanted = "\n".join(PINNED)
    if not noted.exists() or noted.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(_DIRECTORY)], check=True)
        pip = [str(_DIRECTORY / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PINNED], check=True)
        noted.write_text(wanted)
    return _DIRECTORY / "bin"
