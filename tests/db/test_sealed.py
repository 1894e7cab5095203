"""Sealed columns: what comes out again, of which key, and those that an earlier version wrote."""

from __future__ import annotations

import zlib

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from connector.db.sealed import Seal
from connector.domain.errors import ConnectorError

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
BODY = b'{"billing": {"email": "someone@shop.example"}} ' * 40


@given(st.binary(max_size=5_000))
def test_what_is_sealed_comes_out_again(plain: bytes) -> None:
    seal = Seal([NEW])
    assert seal.open(seal.seal(plain)) == plain


def test_nothing_of_it_can_be_read_and_it_takes_less_room() -> None:
    sealed = Seal([NEW]).seal(BODY)
    assert b"someone" not in sealed
    assert len(sealed) < len(BODY) / 4


def test_a_column_of_an_earlier_version_opens_and_is_sealed_anew() -> None:
    """At first the token was kept as text, and what is in it made by zlib itself."""
    earlier = Fernet(OLD.encode()).encrypt(zlib.compress(BODY))
    both = Seal([NEW, OLD])
    assert both.open(earlier) == BODY
    assert both.key_of(earlier) == 1
    again = both.again(earlier)
    assert both.key_of(again) == 0
    assert Seal([NEW]).open(again) == BODY
    assert len(again) < len(earlier)


@pytest.mark.parametrize("sealed", [b"", b"\x80", b"gAAAA", Seal([OLD]).seal(BODY), bytes(range(256))])
def test_what_no_key_opens_says_what_to_do(sealed: bytes) -> None:
    seal = Seal([NEW])
    assert seal.key_of(sealed) is None
    with pytest.raises(ConnectorError) as caught:
        seal.open(sealed)
    assert "SEAL_KEYS" in caught.value.remedy


def test_a_damaged_byte_is_noticed() -> None:
    seal = Seal([NEW])
    sealed = bytearray(seal.seal(BODY))
    sealed[len(sealed) // 2] ^= 1
    with pytest.raises(ConnectorError):
        seal.open(bytes(sealed))
