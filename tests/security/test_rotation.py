"""Secrets and personal data at rest, and a change of the key that seals them: nothing is unreadable at any moment."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from sqlalchemy import Engine, LargeBinary, insert, literal_column, select, text

from config.settings import Settings
from connector.db import resealing, tables
from connector.db.sealed import Seal, key_name
from jobs.cli import main

_ROWS = 10_000
_TABLES = tables.metadata.sorted_tables
_ROOT = Path(__file__).parents[2]
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SECRETS = [f"planted-secret-{number:02}-{Fernet.generate_key().decode()[:12]}" for number in range(20)]


@pytest.fixture
def variables(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a command."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    own = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path), "SECRET_KEY": "s" * 40}
    return {**kept, **own}


@pytest.fixture
def run(variables: dict[str, str]) -> Callable[..., Result]:
    """`connector keys …` with these keys."""

    def command(*words: str, keys: str = f"{NEW},{OLD}") -> Result:
        return CliRunner().invoke(main, ["keys", *words], env={**variables, "SEAL_KEYS": keys})

    return command


def _fill(engine: Engine, rows: int) -> None:
    """A shop with twenty secrets, and so many deliveries, all sealed with the old key."""
    old = Seal([OLD])
    with engine.begin() as conn:
        credentials = old.seal_json({f"secret_{number}": secret for number, secret in enumerate(SECRETS)})
        row = {"key": "k", "platform": "shopify", "external_id": "e", "name": "n", "address": "https://e.example"}
        shop = conn.execute(
            insert(tables.shops).values(**row, sealed_credentials=credentials).returning(tables.shops.c.id)
        ).scalar()
        body = old.seal(b'{"id": 1, "note": "' + SECRETS[0].encode() + b'"}')
        said = {"shop_id": shop, "topic": "t", "kind": "order", "external_id": "1", "sealed_body": body, "state": "done"}
        if rows:
            conn.execute(insert(tables.inbox), [{**said, "dedup_key": str(number)} for number in range(rows)])


def _opened_by(engine: Engine, key: str) -> int:
    """How many sealed values this key alone opens."""
    seal = Seal([key])
    with engine.connect() as conn:
        return sum(
            seal.key_of(sealed) == 0
            for place in resealing.places()
            for _, sealed in resealing.page(conn, place, None, limit=10**6)
        )


def test_every_column_that_holds_bytes_is_sealed_a_hash_or_a_picture() -> None:
    binary = {
        f"{table.name}.{column.name}"
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert {place.name for place in resealing.places()} == {name for name in binary if not name.endswith("_hash")} - {
        "shop_logos.picture"
    }
    assert all(len(place.table.primary_key) == 1 for place in resealing.places())


def test_a_dump_shows_no_planted_secret(engine: Engine) -> None:
    _fill(engine, 1)
    assert [secret for secret in SECRETS if secret in dump(engine)] == []
    assert json.loads(Seal([OLD]).open(_credentials(engine)))["secret_7"] == SECRETS[7]


def dump(engine: Engine) -> str:
    """Every row of every table as text."""
    with engine.connect() as conn:
        rows = [
            conn.execute(select(literal_column("t::text")).select_from(table.alias("t"))).scalars().all() for table in _TABLES
        ]
    plain = "\n".join(row for some in rows for row in some)
    hidden = re.findall(r"\\\\?x([0-9a-f]+)", plain)  # bytes are shown in hex
    return plain + "".join(bytes.fromhex(found[: len(found) // 2 * 2]).decode("latin-1") for found in hidden)


def _credentials(engine: Engine) -> bytes:
    with engine.connect() as conn:
        return bytes(conn.execute(select(tables.shops.c.sealed_credentials)).scalar_one())


def test_ten_thousand_rows_are_sealed_again(engine: Engine, run: Callable[..., Result]) -> None:
    _fill(engine, _ROWS)
    looked = _json(run("rotate", "--dry-run", "--json"))
    assert {row["column"]: row["older"] for row in looked if row["older"]} == {
        "shops.sealed_credentials": 1,
        "inbox.sealed_body": _ROWS,
    }
    assert _opened_by(engine, OLD) == _ROWS + 1
    done = _json(run("rotate", "--json"))
    assert sum(row["again"] for row in done) == _ROWS + 1
    assert _json(run("list", "--json", keys=f"{NEW},{OLD}")) == [
        {"key": key_name(NEW), "newest": True, "rows": _ROWS + 1},
        {"key": key_name(OLD), "newest": False, "rows": 0},
    ]
    assert _opened_by(engine, NEW) == _ROWS + 1
    assert json.loads(Seal([NEW]).open(_credentials(engine)))["secret_19"] == SECRETS[19]
    assert sum(row["again"] for row in _json(run("rotate", "--json"))) == 0


def test_a_rotation_that_was_killed_is_begun_again(engine: Engine, run: Callable[..., Result], variables: dict[str, str]) -> None:
    _fill(engine, _ROWS)
    command = [sys.executable, "-m", "jobs.cli", "keys", "rotate"]
    with subprocess.Popen(
        command, cwd=_ROOT, env={**variables, "SEAL_KEYS": f"{NEW},{OLD}"}, stderr=subprocess.DEVNULL
    ) as working:
        while not _begun(engine) and working.poll() is None:
            time.sleep(0.01)
        working.send_signal(signal.SIGKILL)
    both = _opened_by(engine, OLD), _opened_by(engine, NEW)
    assert sum(both) == _ROWS + 1
    assert both[0] > 0, "it was done before it was killed"
    assert both[1] > 0
    assert run("rotate").exit_code == 0
    assert _opened_by(engine, NEW) == _ROWS + 1


def _begun(engine: Engine) -> bool:
    with engine.connect() as conn:
        first = conn.execute(select(tables.inbox.c.sealed_body).order_by(tables.inbox.c.id).limit(1)).scalar_one()
    return Seal([NEW]).key_of(bytes(first)) == 0


def test_a_row_that_changes_meanwhile_is_left_to_whoever_changed_it(engine: Engine) -> None:
    _fill(engine, 1)
    place = next(place for place in resealing.places() if place.name == "inbox.sealed_body")
    with engine.begin() as conn:
        ((number, before),) = resealing.page(conn, place, None, limit=10)
        conn.execute(text("UPDATE inbox SET sealed_body = NULL"))
        resealing.replace(conn, place, [(number, before, b"again")])
        assert conn.execute(select(tables.inbox.c.sealed_body)).scalar() is None


def test_rows_of_a_key_that_is_gone_are_named_and_the_others_are_done(engine: Engine, run: Callable[..., Result]) -> None:
    _fill(engine, 3)
    with engine.begin() as conn:
        conn.execute(
            text("UPDATE inbox SET sealed_body = :body WHERE dedup_key = '1'"),
            {"body": Seal([Fernet.generate_key().decode()]).seal(b"x")},
        )
    refused = run("rotate")
    assert refused.exit_code == 1
    assert "inbox.sealed_body: 1 (" in refused.stderr
    assert "at the end of SEAL_KEYS" in refused.stderr
    assert _opened_by(engine, NEW) == 3


def test_no_key_is_shown(engine: Engine, run: Callable[..., Result]) -> None:
    _fill(engine, 1)
    for words in (("list",), ("rotate", "--dry-run"), ("rotate",)):
        done = run(*words)
        assert done.exit_code == 0, done.output
        assert OLD not in done.output
        assert NEW not in done.output


def _json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
