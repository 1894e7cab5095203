"""The sandbox's durable state: JSON documents in memory, every change in an append-only journal file.

A change is in the journal before its call returns, so it survives `kill -9` of the process (not a power cut: there is
no fsync on each change; it is a sandbox). The journal is replayed and compacted at start, and compacted again when it has grown.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from connector.domain.errors import ConnectorError

_COMPACT_AFTER_CHANGES = 50_000

T = TypeVar("T")

# One change of the state: kind, key and the document as JSON text; None deletes. One journal line is a list of changes.
_Change = tuple[str, str, str | None]


class JournalUnreadable(ConnectorError):
    """A line before the last one is no journal line: the file was changed by somebody else."""


class Store:
    """JSON documents by kind and key. Safe for threads; hold `lock`, or better `together()`, over read-modify-write."""

    _journal: int  # a file descriptor
    _release: Callable[[], object]

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._path = path
        self._documents: dict[str, dict[str, str]] = {}
        self._pending: list[_Change] = []
        self._undo: list[_Change] = []
        self._depth = 0
        self._heads: dict[tuple[str, Callable[[dict[str, Any]], Any]], dict[str, tuple[str, Any]]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for changes in _replayed(path):
            for change in changes:
                self._apply(change)
        self._compact()

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """A copy of the document, or None."""
        with self.lock:
            text = self._documents.get(kind, {}).get(key)
        return None if text is None else json.loads(text)

    def put(self, kind: str, key: str, document: dict[str, Any]) -> None:
        """Store the document; it is in the journal before this returns. TypeError or ValueError for what is no JSON."""
        self._change((kind, key, json.dumps(document, allow_nan=False, separators=(",", ":"))))

    def delete(self, kind: str, key: str) -> None:
        """Remove the document; nothing happens where there is none."""
        with self.lock:
            if key in self._documents.get(kind, {}):
                self._change((kind, key, None))

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Copies of all documents of a kind, oldest first."""
        with self.lock:
            texts = list(self._documents.get(kind, {}).values())
        return [json.loads(text) for text in texts]

    def heads(self, kind: str, read: Callable[[dict[str, Any]], T]) -> list[T]:
        """What `read`, a function of a module, finds in each document of a kind, oldest first. Only documents that have changed
        are read again, so that a list of many is quickly searched; what comes back must not be changed."""
        with self.lock:
            known = self._heads.get((kind, read), {})
            found = {
                key: known[key] if key in known and known[key][0] is text else (text, read(json.loads(text)))
                for key, text in self._documents.get(kind, {}).items()
            }
            self._heads[kind, read] = found
        return [head for _, head in found.values()]

    def keys(self, kind: str) -> list[str]:
        """The keys of all documents of a kind, oldest first."""
        with self.lock:
            return list(self._documents.get(kind, {}))

    def count(self, kind: str) -> int:
        """How many documents of a kind there are."""
        with self.lock:
            return len(self._documents.get(kind, {}))

    def next_id(self, kind: str, first: int = 1) -> int:
        """The next number of a durable sequence, beginning with `first`."""
        with self.together():
            last = self.get("store.sequence", kind)
            number = first if last is None else int(last["number"]) + 1
            self.put("store.sequence", kind, {"number": number})
        return number

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """All changes within the block, or none: one journal line, taken back where the block raises. May be nested."""
        with self.lock:
            self._depth += 1
            try:
                yield
            except BaseException:
                if self._depth == 1:
                    self._take_back()
                raise
            else:
                if self._depth == 1:
                    self._write()
            finally:
                self._depth -= 1

    def close(self) -> None:
        """Close the journal; later changes raise OSError. A store that is not needed any more closes by itself."""
        with self.lock:
            self._release()
            self._journal = -1

    def _change(self, change: _Change) -> None:
        with self.together():
            kind, key, _ = change
            self._undo.append((kind, key, self._documents.get(kind, {}).get(key)))
            self._apply(change)
            self._pending.append(change)

    def _apply(self, change: _Change) -> None:
        kind, key, text = change
        if text is None:
            self._documents.get(kind, {}).pop(key, None)
        else:
            self._documents.setdefault(kind, {})[key] = text

    def _take_back(self) -> None:
        for change in reversed(self._undo):
            self._apply(change)
        self._pending, self._undo = [], []

    def _write(self) -> None:
        if not self._pending:
            return
        try:
            self._append(json.dumps(self._pending, separators=(",", ":")).encode() + b"\n")
        except BaseException:
            self._take_back()
            raise
        self._written += len(self._pending)
        self._pending, self._undo = [], []
        if self._written > _COMPACT_AFTER_CHANGES:
            self._release()
            self._compact()

    def _append(self, line: bytes) -> None:
        """Write the whole line or nothing of it (a full disk must not leave a torn line before later ones)."""
        size = os.fstat(self._journal).st_size
        try:
            if os.write(self._journal, line) != len(line):
                raise OSError(f"{self._path} could not be written: is the disk full?")
        except OSError:
            os.truncate(self._path, size)
            raise

    def _compact(self) -> None:
        """Write the state as a new journal beside the old one and put it in its place, all or nothing."""
        fresh = self._path.with_suffix(self._path.suffix + ".new")
        with fresh.open("w", encoding="utf-8") as file:
            for kind, documents in self._documents.items():
                for key, text in documents.items():
                    file.write(json.dumps([(kind, key, text)], separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self._journal = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        self._release = weakref.finalize(self, os.close, self._journal)
        self._written = 0


def _replayed(path: Path) -> Iterator[list[_Change]]:
    """The journal's lines. A torn last line was never acknowledged to anybody and is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield [(kind, key, text) for kind, key, text in json.loads(line)]
            except (ValueError, TypeError):
                raise JournalUnreadable(
                    f"Line {number} of {path} is no journal line.", "Move the file away; the sandbox then starts empty."
                ) from None
