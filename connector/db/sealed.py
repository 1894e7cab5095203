"""Sealed columns: secrets and personal data are encrypted before they reach the database.

Keys are Fernet keys, the newest first: it seals, all of them open, so a key is rotated by putting a new one in front.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from connector.domain.errors import ConnectorError

# An order is a few KB: zlib's usual 256 KB of tables cost more to clear than the compressing itself.
_WINDOW_BITS, _MEMORY_LEVEL = 13, 6


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
        deflate = zlib.compressobj(1, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
        return self._fernet.encrypt(deflate.compress(plain) + deflate.flush())

    def open(self, sealed: bytes) -> bytes:
        """The plain bytes again; a ConnectorError where no key fits."""
        try:
            return zlib.decompress(self._fernet.decrypt(bytes(sealed)))
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
        return self._fernet.rotate(sealed)

    def seal_json(self, value: Any) -> bytes:
        """`value` as JSON, sealed."""
        return self.seal(json.dumps(value, separators=(",", ":")).encode())

    def open_json(self, sealed: bytes | None) -> Any:
        """What `seal_json` was given; None for an empty column."""
        return None if sealed is None else json.loads(self.open(sealed))


def key_name(key: str) -> str:
    """What a key is called where it must not be shown: the beginning of its fingerprint."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _opens(key: Fernet, sealed: bytes) -> bool:
    try:
        key.decrypt(sealed)
    except InvalidToken:
        return False
    return True
