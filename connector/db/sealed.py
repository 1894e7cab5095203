"""Sealed columns: secrets and personal data are encrypted before they reach the database.

Keys are Fernet keys, the newest first: it seals, all of them open, so a key is rotated by putting a new one in front.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from isal import isal_zlib

from connector.domain.errors import ConnectorError

_LEVEL = 1  # of zlib's format, in which every sealed column is; ISA-L writes and reads it in a quarter of zlib's own time


class Seal:
    """Seals and opens bytes and JSON with the configured keys."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._keys = [Fernet(key) for key in keys]
            self._fernet = MultiFernet(self._keys)
        except ValueError:
            raise ConnectorError(
                "SEAL_KEYS holds something that is not a Fernet key, or no key at all.",
                "Make one with `connector new-key` and set SEAL_KEYS to it.",
            ) from None

    def seal(self, plain: bytes) -> bytes:
        """Compress and encrypt."""
        return _kept(self._fernet.encrypt(isal_zlib.compress(plain, _LEVEL)))

    def open(self, sealed: bytes) -> bytes:
        """The plain bytes again; a ConnectorError where no key fits."""
        try:
            return isal_zlib.decompress(self._fernet.decrypt(_token(sealed)))
        except InvalidToken:
            raise ConnectorError(
                "A sealed column cannot be opened with the keys in SEAL_KEYS.",
                "Add the key it was sealed with at the end of SEAL_KEYS.",
            ) from None

    def key_of(self, sealed: bytes) -> int | None:
        """Which key opens it, 0 being the newest; None where none fits."""
        return next((number for number, key in enumerate(self._keys) if _opens(key, sealed)), None)

    def again(self, sealed: bytes) -> bytes:
        """The same, sealed with the newest key; it keeps the time at which it was sealed first."""
        return _kept(self._fernet.rotate(_token(sealed)))

    def seal_json(self, value: Any) -> bytes:
        """`value` as JSON, sealed."""
        return self.seal(json.dumps(value, separators=(",", ":")).encode())

    def open_json(self, sealed: bytes | None) -> Any:
        """What `seal_json` was given; None for an empty column."""
        return None if sealed is None else json.loads(self.open(sealed))


def key_name(key: str) -> str:
    """What a key is called where it must not be shown: the beginning of its fingerprint."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _kept(token: bytes) -> bytes:
    """A Fernet token is base64. Its bytes alone take a quarter less, and leave most deliveries within their row's page."""
    return urlsafe_b64decode(token)


def _token(sealed: bytes) -> bytes:
    """The token again. The columns of earlier versions hold it as it is: its first byte, always 0x80, is a letter there."""
    sealed = bytes(sealed)
    return urlsafe_b64encode(sealed) if sealed.startswith(b"\x80") else sealed


def _opens(key: Fernet, sealed: bytes) -> bool:
    try:
        key.decrypt(_token(sealed))
    except InvalidToken:
        return False
    return True
