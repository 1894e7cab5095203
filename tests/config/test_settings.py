"""Settings come from the environment only, and what is wrong with them is said at once and in full."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from config.settings import Settings, load
from connector.domain.errors import ConnectorError

_ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _only_these(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))


def test_nothing_needs_to_be_set_for_a_first_start() -> None:
    settings = load()
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.data_dir.is_absolute()


def test_keys_are_made_once_for_the_embedded_database_and_only_its_owner_reads_them() -> None:
    first, second = load(), load()
    assert first.fernet_keys == second.fernet_keys
    assert first.secret_key == second.secret_key
    Fernet(first.fernet_keys[0])
    for name in ("seal.key", "secret.key"):
        assert stat.S_IMODE((first.data_dir / name).stat().st_mode) == 0o600


def test_a_key_file_others_can_read_is_refused() -> None:
    path = load().data_dir / "seal.key"
    path.chmod(0o644)
    with pytest.raises(ConnectorError, match="chmod 600"):
        load()


def test_keys_must_be_given_with_a_database_of_your_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://connector@db/connector")
    with pytest.raises(ConnectorError) as refused:
        load()
    assert "SEAL_KEYS: is missing" in str(refused.value)
    assert "SECRET_KEY: is missing" in str(refused.value)
    assert not (tmp_path / "data").exists()


def test_every_wrong_setting_is_named_in_one_error_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "DATABASE_URL": "mysql://u:s3cret@db/x",
        "REDIS_URL": "http://s3cret",
        "SEAL_KEYS": "s3cret",
        "SECRET_KEY": "s3cret",
        "PUBLIC_URL": "s3cret.example",
        "PORT": "70000",
        "WORKERS": "none",
        "LOG_LEVEL": "loud",
        "ALLOW_PRIVATE_SHOPS": "perhaps",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConnectorError) as refused:
        load()
    assert [name for name in wrong if f"\n  {name}: " not in str(refused.value)] == []
    assert "s3cret" not in str(refused.value)


def test_a_lease_that_a_telling_could_outlast_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLING_SECONDS", "40")
    with pytest.raises(ConnectorError, match="OUTBOX_LEASE_SECONDS must be 60 or more"):
        load()
    monkeypatch.setenv("CALL_SECONDS", "5")
    assert load().telling_seconds == 40


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("PORT", "")
    assert load().port == 8000


def test_secrets_never_show_in_a_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter22@db/x")
    monkeypatch.setenv("SEAL_KEYS", Fernet.generate_key().decode())
    monkeypatch.setenv("SECRET_KEY", "k" * 40)
    settings = load()
    assert "hunter22" not in repr(settings)
    assert settings.fernet_keys[0] not in repr(settings)
    assert "k" * 40 not in repr(settings)


def test_child_processes_get_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_PRIVATE_SHOPS", "true")
    monkeypatch.setenv("REDIS_URL", "unix:///run/valkey.sock")
    settings = load()
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load() == settings


def test_the_example_names_every_setting_with_its_default() -> None:
    lines = (_ROOT / ".env.example").read_text().splitlines()
    shown = dict(match.groups() for line in lines if (match := re.fullmatch(r"([A-Z_]+)=(.*)", line)))
    assert set(shown) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        assert Settings(**{name: shown[name.upper()]} if shown[name.upper()] else {}).model_dump()[name] == field.default
