"""Child processes: what is to run, starting it tied to us, and ending it with everything it started."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from connector.domain.errors import ConnectorError

_TETHER = Path(__file__).with_name("tether.py")


@dataclass(frozen=True, slots=True)
class Program:
    """What is to run. `command[0]` is an absolute path; `environment` is added to ours.

    before: called ahead of every start, to clear away what an earlier run left.
    stop_signal: asks it to end; after `grace_seconds` it is killed. death_signal: what it gets when we die ourselves.
    user, reach_all: see tether.py.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    before: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    grace_seconds: float = 4.0
    user: str = ""
    reach_all: bool = False


Child = subprocess.Popen[bytes]


def from_wheel(package: str, pattern: str, *, remedy: str) -> Path:
    """A program that comes in an installed wheel, found without importing the package; ConnectorError where there is none."""
    found = importlib.util.find_spec(package)
    for root in (found.submodule_search_locations or ()) if found else ():
        for path in sorted(Path(root).glob(pattern)):
            return path
    raise ConnectorError(f"{package} brings no {Path(pattern).name} for this machine.", remedy)


def start(program: Program, output: int | IO[bytes]) -> Child:
    """Start it in a session of its own, so that Ctrl-C reaches us alone. Call from a thread that lives as long as we do:
    the kernel counts that thread's end as ours."""
    if program.before is not None:
        program.before()
    return subprocess.Popen(  # noqa: S603 -- our own programs, no shell
        tethered(program),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, **program.environment},
        start_new_session=True,
    )


def tethered(program: Program) -> list[str]:
    """The command line that runs the program tied to this process."""
    tether = (os.getpid(), int(program.death_signal), program.user, "all" if program.reach_all else "")
    return [sys.executable, "-I", "-S", str(_TETHER), *map(str, tether), *program.command]


def stop(child: Child, program: Program) -> None:
    """Ask it to end, insist after its grace, and leave nothing of it behind. A zombie is reaped."""
    with suppress(ProcessLookupError):
        child.send_signal(program.stop_signal)
    try:
        child.wait(program.grace_seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    kill_session(child.pid)


def kill_session(leader: int) -> None:
    """Kill whatever a dead session leader left running."""
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == leader and process.pid != leader:
                os.kill(process.pid, signal.SIGKILL)


def end_leftovers(executable: str, directory: Path, stop_signal: signal.Signals, grace_seconds: float) -> None:
    """End every process called `executable` that still works in `directory`, from a run whose owner was killed."""
    leftovers = [process for process in psutil.process_iter() if _works_in(process, executable, directory)]
    _send(leftovers, stop_signal)
    _, stubborn = psutil.wait_procs(leftovers, grace_seconds)
    _send(stubborn, signal.SIGKILL)
    psutil.wait_procs(stubborn, grace_seconds)


def _works_in(process: psutil.Process, executable: str, directory: Path) -> bool:
    with suppress(psutil.Error):
        if process.name() != executable or process.status() == psutil.STATUS_ZOMBIE:
            return False
        if str(directory) in process.cmdline():
            return True
        return bool(process.cwd() == str(directory))
    return False


def _send(processes: Iterable[psutil.Process], signal_number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signal_number)
