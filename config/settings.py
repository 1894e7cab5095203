"""All settings, from the environment only, checked once at start. `.env.example` explains each of them."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cryptography.fernet import Fernet
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connector.domain.errors import ConnectorError
from connector.domain.retry import USUAL, Patience


def _address(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        if value.get_secret_value().partition("://")[0] not in schemes:
            raise ValueError("must begin with " + " or ".join(f"{scheme}://" for scheme in schemes))
        return value

    return check


def _public_url(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("must begin with https:// (http:// on your own machine)")
    return value.rstrip("/")


def _fernet_keys(value: SecretStr) -> SecretStr:
    try:
        for key in _split(value):
            Fernet(key)
    except ValueError:
        raise ValueError("must be Fernet keys separated by commas; make one with `connector new-key`") from None
    return value


def _long_enough(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < 32:
        raise ValueError("must be 32 or more random characters")
    return value


def _split(value: SecretStr) -> tuple[str, ...]:
    return tuple(key.strip() for key in value.get_secret_value().split(",") if key.strip())


DatabaseUrl = Annotated[SecretStr, AfterValidator(_address("postgresql", "postgres", "postgresql+psycopg"))]
RedisUrl = Annotated[SecretStr, AfterValidator(_address("redis", "rediss", "unix"))]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(ge=0.1, le=604_800)]
Waits = Annotated[
    tuple[Seconds, ...],
    NoDecode,
    BeforeValidator(lambda value: value.split(",") if isinstance(value, str) else value),
    Field(min_length=1, max_length=50),
]

# A telling begins no call after its time; the last one may have begun just before, and still have to connect first.
_CALLS_OVER_THE_END = 2


class Settings(BaseSettings):
    """One immutable object; names here are the environment's names in lower case. Make it with `load()`."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: DatabaseUrl | None = None
    redis_url: RedisUrl | None = None
    data_dir: Path = Path("./data")
    seal_keys: Annotated[SecretStr, AfterValidator(_fernet_keys)] = SecretStr("")
    secret_key: Annotated[SecretStr, AfterValidator(_long_enough)] = SecretStr("")

    public_url: Annotated[str, AfterValidator(_public_url)] = ""
    host: str = "127.0.0.1"
    port: Port = 8000
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0

    web_processes: Annotated[int, Field(ge=1, le=64)] = 2
    web_threads: Annotated[int, Field(ge=1, le=256)] = 16
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    tellings_at_once: Annotated[int, Field(ge=1, le=64)] = 8
    clock_seconds: Annotated[float, Field(ge=0.1, le=60)] = 2.0
    poll_seconds: Annotated[int, Field(ge=10, le=86_400)] = 600

    outbox_waits_seconds: Waits = USUAL.outbox_waits_seconds
    inbox_waits_seconds: Waits = USUAL.inbox_waits_seconds
    read_waits_seconds: Waits = USUAL.read_waits_seconds
    slow_down_seconds: Seconds = USUAL.slow_down_seconds
    breaker_failures: Annotated[int, Field(ge=1, le=10_000)] = USUAL.breaker_failures
    breaker_after_seconds: Seconds = USUAL.breaker_after_seconds
    breaker_probe_seconds: Seconds = USUAL.breaker_probe_seconds
    auth_lost_rest_seconds: Seconds = USUAL.auth_lost_rest_seconds
    inbox_lease_seconds: Annotated[float, Field(ge=5, le=3600)] = USUAL.inbox_lease_seconds
    outbox_lease_seconds: Annotated[float, Field(ge=5, le=3600)] = USUAL.outbox_lease_seconds
    call_seconds: Annotated[float, Field(ge=1, le=10)] = 10.0
    telling_seconds: Annotated[float, Field(ge=2, le=600)] = 25.0

    new_merchants: Literal["refuse", "each"] = "refuse"
    allow_private_shops: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool = False

    shopify_client_id: str = ""
    shopify_client_secret: SecretStr = SecretStr("")
    shopify_previous_secret: SecretStr = SecretStr("")
    shopify_address: Annotated[str, AfterValidator(_public_url)] = ""
    bigcommerce_client_id: str = ""
    bigcommerce_client_secret: SecretStr = SecretStr("")
    bigcommerce_address: Annotated[str, AfterValidator(_public_url)] = ""

    sandbox_port: Port = 8100
    sandbox_orders_per_minute: Annotated[float, Field(ge=0, le=6000)] = 12.0

    @model_validator(mode="after")
    def _no_row_is_told_by_two(self) -> Settings:
        longest = self.telling_seconds + _CALLS_OVER_THE_END * self.call_seconds
        if self.outbox_lease_seconds < longest:
            raise ValueError(f"OUTBOX_LEASE_SECONDS must be {longest:g} or more: TELLING_SECONDS and two of CALL_SECONDS")
        return self

    @property
    def fernet_keys(self) -> tuple[str, ...]:
        """The keys for `Seal`, newest first."""
        return _split(self.seal_keys)

    @property
    def is_secure(self) -> bool:
        """Whether people and platforms reach us by https."""
        return self.public_url.startswith("https://")

    @property
    def patience(self) -> Patience:
        """How long to wait for what, and when it is enough."""
        return Patience(**{field.name: getattr(self, field.name) for field in fields(Patience)})

    def environment(self) -> dict[str, str]:
        """The same settings as environment variables, secrets in the clear: for child processes."""
        return {name.upper(): _plain(value) for name, value in self if value is not None}


def load(environment: Mapping[str, Any] | None = None) -> Settings:
    """The settings of this process; `environment` gives values in place of the environment's, by lower-case name.

    Raises ConnectorError naming every setting that is missing or wrong, and what to do. With the embedded PostgreSQL
    the two keys are made in DATA_DIR at the first start and kept there; with DATABASE_URL set they must be given.
    """
    try:
        settings = Settings(**(environment or {}))
    except ValidationError as error:
        raise _refusal([f"{_name(fault)}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()]) from None
    settings = settings.model_copy(
        update={
            "data_dir": settings.data_dir.expanduser().absolute(),
            "public_url": settings.public_url or f"http://127.0.0.1:{settings.port}",
        }
    )
    return _with_keys(settings)


_KEYS: Mapping[str, tuple[str, Callable[[], str], str]] = {
    "seal_keys": ("seal.key", lambda: Fernet.generate_key().decode(), "make one with `connector new-key`"),
    "secret_key": ("secret.key", lambda: secrets.token_urlsafe(48), "set it to 32 or more random characters"),
}


def _with_keys(settings: Settings) -> Settings:
    absent = [name for name in _KEYS if not getattr(settings, name).get_secret_value()]
    if absent and settings.database_url is not None:
        raise _refusal([f"{name.upper()}: is missing, and DATABASE_URL is set; {_KEYS[name][2]}" for name in absent])
    kept = {name: SecretStr(_kept_key(settings.data_dir / _KEYS[name][0], _KEYS[name][1])) for name in absent}
    return settings.model_copy(update=kept)


def _kept_key(path: Path, make: Callable[[], str]) -> str:
    """The key in the file, made at first use. Two commands that start at once end with the same key."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(make() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another command was faster: its key is the one
        finally:
            draft.unlink()
    _check_private(path)
    return path.read_text().strip()


def _check_private(path: Path) -> None:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConnectorError(f"{path} can be read by other users of this machine.", f"Run `chmod 600 {path}`.")


def _name(fault: Mapping[str, Any]) -> str:
    return str(fault["loc"][0]).upper() if fault["loc"] else "SETTINGS"


def _refusal(problems: list[str]) -> ConnectorError:
    lines = "".join(f"\n  {problem}" for problem in problems)
    return ConnectorError(f"Some settings are missing or wrong:{lines}\n", "`.env.example` explains each setting.")


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(f"{part:g}" for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
