"""Runs programs side by side: their lines prefixed by name, the dead started again, all of them stopped together.

One thread and one loop; a signal or the end of a child wakes it. Must be used from the main thread, which the kernel ties
the children's life to (see config/tether.py).
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil

from config import child
from config.child import Child, Program
from connector.domain.errors import ConnectorError
from jobs.lines import Lines

_FIRST_DELAY_SECONDS = 0.2
_LONGEST_DELAY_SECONDS = 5.0
_STEADY_SECONDS = 10.0  # who has run so long begins with the first delay again
_LONGEST_REST_SECONDS = 0.5
_MOST_READ_BYTES = 65536
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class _Post:
    """A program's place: its child while it runs, else when it starts again (None: never)."""

    program: Program
    once: bool
    child: Child | None = None
    started: float = 0.0
    due: float | None = 0.0
    delay: float = _FIRST_DELAY_SECONDS
    result: int | None = None
    killed_at: float = field(default=float("inf"))


class Supervisor:
    """Keeps its programs running until it is asked to stop. Its invariant: what it started is in `_posts` until it is dead."""

    def __init__(self, lines: Lines, note: Path) -> None:
        """`note`: the file that says which processes run, read by the next start and by whoever wants to know."""
        self._lines = lines
        self._note = note
        self._posts: dict[str, _Post] = {}
        self._selector = selectors.DefaultSelector()
        self._asked = 0

    def start(self, program: Program, *, once: bool = False) -> None:
        """Run it from now on; `once`: until it has ended well. A known name's program is replaced at its next start."""
        known = self._posts.get(program.name)
        if known is not None:
            known.program = program
            return
        self._posts[program.name] = post = _Post(program, once)
        self._begin(post)

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Supervise until the condition holds; False where the time is over or we were asked to stop."""
        end = time.monotonic() + seconds
        while not self._asked and time.monotonic() < end:
            if condition():
                return True
            self._turn(0.05)
        return False

    def result(self, name: str) -> int | None:
        """The exit code with which a program ended last; None where it has not ended yet."""
        return self._posts[name].result

    def run(self) -> None:
        """Supervise until asked to stop."""
        while not self._asked:
            self._turn(_LONGEST_REST_SECONDS)

    def say(self, text: str) -> None:
        """Lines of our own between those of the programs."""
        self._lines.say(text)

    @property
    def stopping(self) -> bool:
        """Whether somebody asked us to stop."""
        return self._asked > 0

    def stop(self, names: Sequence[str]) -> None:
        """Stop these together, each within its grace; asked again meanwhile, kill them now."""
        posts = [self._posts.pop(name) for name in names if name in self._posts]
        asked = self._asked
        for post in posts:
            self._ask_to_end(post)
        while any(post.child is not None for post in posts):
            self._listen(0.05)
            for post in posts:
                self._insist(post, at_once=self._asked > max(asked, 1))
        self._write_note()

    def close(self) -> None:
        """Stop whatever still runs and take the note away."""
        self.stop(list(self._posts))
        self._selector.close()
        self._note.unlink(missing_ok=True)

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Within: Ctrl-C, SIGTERM and SIGHUP ask us to stop, and they and the end of a child wake the loop at once."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        before = {number: signal.signal(number, self._on_stop) for number in _STOPPING}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ, None)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            reader.close()
            writer.close()

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._asked += 1

    # -- one turn of the loop ----------------------------------------------------------------------------------------

    def _turn(self, rest_seconds: float) -> None:
        self._listen(rest_seconds)
        for post in list(self._posts.values()):
            if post.child is not None and post.child.poll() is not None:
                self._ended(post)
            if post.child is None and post.due is not None and time.monotonic() >= post.due and not self._asked:
                self._begin(post)

    def _listen(self, rest_seconds: float) -> None:
        for key, _ in self._selector.select(rest_seconds):
            if key.data is None:
                with suppress(BlockingIOError):
                    key.fileobj.recv(4096)  # type: ignore[union-attr] # the socket signals write to
            else:
                self._read(key.data, key.fd)

    def _read(self, name: str, pipe: int) -> bool:
        with suppress(BlockingIOError):
            chunk = os.read(pipe, _MOST_READ_BYTES)
            self._lines.add(name, chunk)
            if not chunk:
                self._forget(pipe)
            return bool(chunk)
        return False

    def _forget(self, pipe: int) -> None:
        with suppress(KeyError):
            self._selector.unregister(pipe)

    def _begin(self, post: _Post) -> None:
        try:
            post.child = child.start(post.program, subprocess.PIPE)
        except (ConnectorError, OSError) as error:
            self._again(post, f"does not start: {error}")
            return
        post.started = time.monotonic()
        pipe = _output(post.child)
        os.set_blocking(pipe, False)
        self._selector.register(pipe, selectors.EVENT_READ, post.program.name)
        self._write_note()

    def _ended(self, post: _Post) -> None:
        code = self._bury(post)
        post.result = code
        if post.once and code == 0:
            post.due = None
        else:
            self._again(post, f"has ended ({_reason(code)})")

    def _again(self, post: _Post, what: str) -> None:
        if time.monotonic() - post.started > _STEADY_SECONDS:
            post.delay = _FIRST_DELAY_SECONDS
        post.due = time.monotonic() + post.delay
        self._lines.say(f"{post.program.name} {what}; it starts again in {post.delay:g} s")
        post.delay = min(post.delay * 2, _LONGEST_DELAY_SECONDS)

    # -- the end of a child ------------------------------------------------------------------------------------------

    def _ask_to_end(self, post: _Post) -> None:
        if post.child is not None:
            post.killed_at = time.monotonic() + post.program.grace_seconds
            with suppress(ProcessLookupError):
                post.child.send_signal(post.program.stop_signal)

    def _insist(self, post: _Post, *, at_once: bool) -> None:
        if post.child is None:
            return
        if post.child.poll() is not None:
            self._bury(post)
        elif at_once or time.monotonic() > post.killed_at:
            self._lines.say(f"{post.program.name} does not stop; it is killed")
            post.child.kill()
            post.child.wait()
            self._bury(post)

    def _bury(self, post: _Post) -> int:
        """Read its last words, end what it left, and give its exit code."""
        dead, post.child = post.child, None
        assert dead is not None  # noqa: S101 -- only ever called for one that has ended
        child.kill_session(dead.pid)
        pipe = _output(dead)
        while self._read(post.program.name, pipe):
            continue
        self._lines.end(post.program.name)
        self._forget(pipe)
        assert dead.stdout is not None  # noqa: S101
        dead.stdout.close()
        return int(dead.returncode)

    def _write_note(self) -> None:
        running = {}
        for name, post in self._posts.items():
            with suppress(psutil.NoSuchProcess):
                if post.child is not None:
                    running[name] = {"pid": post.child.pid, "started": psutil.Process(post.child.pid).create_time()}
        draft = self._note.with_suffix(".new")
        draft.write_text(json.dumps(running, indent=1))
        draft.rename(self._note)


def end_earlier(note: Path) -> None:
    """Kill what a supervisor that was killed left running. On Linux the kernel has done it already."""
    with suppress(OSError, ValueError):
        for entry in json.loads(note.read_text()).values():
            with suppress(psutil.Error, ProcessLookupError):
                process = psutil.Process(entry["pid"])
                if process.create_time() == entry["started"]:
                    process.kill()
                    process.wait(5)
            child.kill_session(entry["pid"])
    note.unlink(missing_ok=True)


def _output(of: Child) -> int:
    assert of.stdout is not None  # noqa: S101 -- we asked for a pipe
    return of.stdout.fileno()


def _reason(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
