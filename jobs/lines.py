"""The one stream of log lines of all programs: each whole, with its program's name in front, coloured on a terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TextIO

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_OWN_NAME = "up"
_LONGEST_LINE_BYTES = 64 * 1024


class Lines:
    """Puts lines together from the pieces programs write, and writes them to `out` one at a time."""

    def __init__(self, out: TextIO, names: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
        """`names`: who will speak, for the width of the prefix. Colour only on a terminal, and not with NO_COLOR."""
        everybody = (_OWN_NAME, *names)
        self._out = out
        self._width = max(map(len, everybody))
        self._begun: dict[str, bytes] = {}
        coloured = out.isatty() and not environment.get("NO_COLOR")
        self._colours = dict(zip(everybody, _COLOURS * len(everybody), strict=False)) if coloured else {}

    def add(self, name: str, piece: bytes) -> None:
        """Bytes that a program wrote. A line without an end is kept back until its end, up to 64 KiB."""
        *whole, begun = (self._begun.pop(name, b"") + piece).split(b"\n")
        self._write(name, whole)
        if len(begun) > _LONGEST_LINE_BYTES:
            self._write(name, [begun])
        elif begun:
            self._begun[name] = begun

    def end(self, name: str) -> None:
        """The program has ended: what it began is its last line."""
        self._write(name, [line for line in [self._begun.pop(name, b"")] if line])

    def say(self, text: str) -> None:
        """A line of our own."""
        self._write(_OWN_NAME, text.encode().split(b"\n"))

    def _write(self, name: str, lines: Sequence[bytes]) -> None:
        prefix = f"{name:<{self._width}} |"
        if name in self._colours:
            prefix = f"\033[{self._colours[name]}m{prefix}\033[0m"
        try:
            self._out.writelines(f"{prefix} {line.decode(errors='replace').rstrip()}\n" for line in lines)
            self._out.flush()
        except BrokenPipeError:  # nobody reads any more: that is no reason to stop serving
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
