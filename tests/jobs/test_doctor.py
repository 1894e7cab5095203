"""`connector doctor` sees the troubles that are not of trade, and names a way out of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet

from connector.db.sealed import Seal
from connector.flow import receive
from connector.platform import Delivery, Kind, Shop
from jobs.commands import checks, soundness
from jobs.commands.soundness import Finding
from jobs.environment import Environment


def _found(environment: Environment) -> dict[str, Finding]:
    return {finding.check: finding for finding in checks.examine(environment, offline=True)}


def _with(environment: Environment, **settings: Any) -> Environment:
    return replace(environment, settings=environment.settings.model_copy(update=settings))


def test_a_sound_one_has_nothing_to_say_of_itself(environment: Environment, toy_shop: Shop) -> None:
    found = _found(environment)
    for name in ("time", "seal keys", "public address", "disk", "connections", "inbox at work", "outbox at work"):
        assert found[name].ok, found[name]


def test_every_trouble_names_its_remedy(environment: Environment) -> None:
    assert all(finding.ok or finding.remedy for finding in _found(environment).values())


def test_a_clock_that_is_wrong(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundness, "now", lambda: datetime.now(UTC) + timedelta(minutes=1))
    assert "network time" in _found(environment)["time"].remedy


def test_keys_that_do_not_open(environment: Environment, toy_shop: Shop) -> None:
    stranger = replace(environment, seal=Seal([Fernet.generate_key().decode()]))
    found = _found(stranger)["seal keys"]
    assert not found.ok
    assert toy_shop.name in found.said
    assert "SEAL_KEYS" in found.remedy


def test_an_address_no_platform_reaches(environment: Environment, toy_shop: Shop) -> None:
    local = _with(environment, public_url="http://127.0.0.1:8000", allow_private_shops=False)
    assert "PUBLIC_URL" in _found(local)["public address"].remedy


def test_more_connections_than_postgres_admits(environment: Environment) -> None:
    many = _with(environment, web_processes=64, web_threads=256)
    assert "max_connections" in _found(many)["connections"].remedy


def test_a_full_disk(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundness, "_LEAST_FREE_BYTES", 2**60)
    assert "DATA_DIR" in _found(environment)["disk"].remedy


def test_work_that_does_not_go_on(environment: Environment, toy_shop: Shop) -> None:
    delivery = Delivery("order", Kind.ORDER, "d", "7")
    receive.receive(environment.engine, environment.seal, toy_shop, delivery, b"{}", datetime.now(UTC) - timedelta(hours=1))
    found = _found(environment)["inbox at work"]
    assert not found.ok
    assert "jobs.worker" in found.remedy
