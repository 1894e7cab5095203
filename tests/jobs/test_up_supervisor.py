"""The supervisor with small real programs: started again, prefixed, stopped in time, and never survived."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

_ROOT = Path(__file__).parents[2]

# A supervisor of the programs named on its command line, in the way `connector up` uses one.
_HARNESS = """
import sys
from pathlib import Path
from config.child import Program
from jobs.lines import Lines
from jobs.supervisor import Supervisor, end_earlier
note, *bodies = sys.argv[1:]
end_earlier(Path(note))
names = [f"program-{number}" for number in range(1, len(bodies) + 1)]
supervisor = Supervisor(Lines(sys.stdout, names), Path(note))
with supervisor.signals():
    try:
        for name, body in zip(names, bodies):
            supervisor.start(Program(name, (sys.executable, "-c", body), grace_seconds=1.0), once="# once" in body)
        supervisor.run()
    finally:
        supervisor.close()
"""

_FAITHFUL = "import time; print('here', flush=True); time.sleep(600)"
_STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
_PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; print('child', flush=True); time.sleep(600)"])
print("here", flush=True)
time.sleep(600)
"""


@contextmanager
def _supervised(note: Path, *bodies: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _HARNESS, str(note), *map(textwrap.dedent, bodies)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as supervisor:
        try:
            yield supervisor
        finally:
            if supervisor.poll() is None:
                supervisor.terminate()
                supervisor.wait()


def _lines_until(supervisor: subprocess.Popen[str], wanted: str, times: int = 1) -> list[str]:
    """What it wrote, up to the line that matches for the given time."""
    assert supervisor.stdout is not None
    seen: list[str] = []
    for line in supervisor.stdout:
        seen.append(line.rstrip("\n"))
        times -= re.search(wanted, line) is not None
        if times == 0:
            return seen
    raise AssertionError(f"{wanted!r} never came: {seen}")


def _pids(note: Path) -> dict[str, int]:
    return {name: entry["pid"] for name, entry in json.loads(note.read_text()).items()}


def _gone(pids: list[int]) -> bool:
    """Whether all of them end by themselves now."""
    processes = []
    for pid in pids:
        if psutil.pid_exists(pid):
            processes.append(psutil.Process(pid))
    return psutil.wait_procs(processes, timeout=20)[1] == []


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "processes.json"


def test_each_line_is_whole_and_carries_its_programs_name(note: Path) -> None:
    pieces = """
    import sys, time
    for piece in ("one ", "line\\nand ", "another\\nun", "finished"):
        sys.stdout.write(piece); sys.stdout.flush(); time.sleep(0.05)
    # once
    """
    with _supervised(note, pieces, _FAITHFUL) as supervisor:
        lines = _lines_until(supervisor, "unfinished")
        supervisor.terminate()
        lines += supervisor.stdout.read().splitlines() if supervisor.stdout else []
    assert [line for line in lines if line.startswith("program-1")] == [
        "program-1 | one line",
        "program-1 | and another",
        "program-1 | unfinished",
    ]
    assert "program-2 | here" in lines
    assert not any("\033" in line for line in lines)


def test_one_that_dies_is_started_again_and_the_log_says_so(note: Path) -> None:
    with _supervised(note, _FAITHFUL) as supervisor:
        _lines_until(supervisor, "here")
        first = _pids(note)["program-1"]
        os.kill(first, signal.SIGKILL)
        lines = _lines_until(supervisor, "here")
        assert lines[0] == "up        | program-1 has ended (killed by SIGKILL); it starts again in 0.2 s"
        assert _pids(note)["program-1"] != first


def test_one_that_dies_again_and_again_waits_twice_as_long_each_time(note: Path) -> None:
    with _supervised(note, "raise SystemExit(3)") as supervisor:
        lines = _lines_until(supervisor, "again", times=4)
    waits = re.findall(r"exit code 3\); it starts again in ([0-9.]+) s", "\n".join(lines))
    assert waits == ["0.2", "0.4", "0.8", "1.6"]


def test_one_that_runs_once_is_done_when_it_ended_well_and_tried_again_when_not(note: Path, tmp_path: Path) -> None:
    once = f"""
    from pathlib import Path
    tried = Path({str(tmp_path / "tried")!r})
    if tried.exists():
        print("done")
    else:
        tried.touch()
        raise SystemExit(1)
    # once
    """
    with _supervised(note, once, "import time; time.sleep(1.5); print('later')\n# once") as supervisor:
        lines = _lines_until(supervisor, "later")
    assert sum("done" in line for line in lines) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_of_them_and_the_exit_code_is_0(note: Path, number: signal.Signals) -> None:
    with _supervised(note, _FAITHFUL, _PARENT, _STUBBORN) as supervisor:
        _lines_until(supervisor, "here|child", times=4)
        pids = [*_pids(note).values(), *(child.pid for child in psutil.Process(supervisor.pid).children(recursive=True))]
        supervisor.send_signal(number)
        rest = supervisor.stdout.read() if supervisor.stdout else ""
        assert supervisor.wait() == 0
    assert "program-3 does not stop; it is killed" in rest
    assert _gone(pids)
    assert not note.exists()


def test_what_a_dead_program_left_running_is_ended(note: Path) -> None:
    with _supervised(note, _PARENT) as supervisor:
        _lines_until(supervisor, "here|child", times=2)
        [leader] = psutil.Process(supervisor.pid).children()
        [orphan] = leader.children()
        leader.kill()
        _lines_until(supervisor, "starts again")
        assert _gone([orphan.pid])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_no_child_survives_a_supervisor_that_is_killed(note: Path) -> None:
    with _supervised(note, _FAITHFUL, _STUBBORN) as supervisor:
        _lines_until(supervisor, "here", times=2)
        pids = list(_pids(note).values())
        supervisor.kill()
        supervisor.wait()
    assert _gone(pids)


def test_the_next_start_ends_what_an_earlier_one_left(note: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _FAITHFUL], start_new_session=True, stdout=subprocess.PIPE) as left:
        started = psutil.Process(left.pid).create_time()
        note.write_text(json.dumps({"web": {"pid": left.pid, "started": started}}))
        with _supervised(note, _FAITHFUL) as supervisor:
            _lines_until(supervisor, "here")
            assert left.wait() == -signal.SIGKILL


def test_a_pid_that_belongs_to_somebody_else_by_now_is_let_alone(note: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _FAITHFUL], stdout=subprocess.PIPE) as stranger:
        note.write_text(json.dumps({"web": {"pid": stranger.pid, "started": 1.0}}))
        with _supervised(note, _FAITHFUL) as supervisor:
            _lines_until(supervisor, "here")
        assert stranger.poll() is None
        stranger.kill()


def test_it_goes_on_when_nobody_reads_its_lines(note: Path) -> None:
    chatty = "import time\nwhile True: print('x' * 100, flush=True); time.sleep(0.01)"
    with _supervised(note, chatty) as supervisor:
        _lines_until(supervisor, "xxx")
        assert supervisor.stdout is not None
        supervisor.stdout.close()
        with pytest.raises(subprocess.TimeoutExpired):
            supervisor.wait(1)
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait() == 0
