"""What a person sees who runs a command in a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def shown_in_terminal(chosen: Mapping[str, str], *words: str) -> str:
    """Run `connector` with these words in a terminal of 200 columns; all it wrote, without colours and movements."""
    ours, theirs = pty.openpty()
    settings = {**os.environ, **chosen, "COLUMNS": "200", "TERM": "xterm"}
    command = [sys.executable, "-m", "jobs.cli", *words]
    with subprocess.Popen(command, cwd=_ROOT, env=settings, stdin=theirs, stdout=theirs, stderr=theirs) as run:
        os.close(theirs)
        written = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert run.returncode == 0, written.decode()
    return _CODES.sub("", written.decode())


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: the last one who could write has ended
        return b""
