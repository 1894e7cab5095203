"""The quick readers of messages say what the standard library says, of whatever bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.errors import Malformed
from platforms.messages import members, whole

_NAMES = ("id", "status", "data")
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from((*_NAMES, "other", "ïd")), inner, max_size=4),
    max_leaves=12,
)
_HOSTILE = (
    *(b"", b" ", b"null", b"[1]", b'"id"', b"{}", b'{"id":1} x', b'{"id":1', b'{"id":01}', b'{"id":tru}'),
    *(b'{"id":1,"id":2}', b'{"\\u0069d":3}', b'{"id":1267650600228229401496703205376}', b'{"id":1e400}', b'{"id":NaN}'),
    *(b'{"id":"\\ud800"}', b'{"id":1,"x":"\xff"}', b'{"id":1,"x":"\xed\xa0\x80"}', b'{"id":1,"x":"\x01"}', b'{"id":1,"x":NaN}'),
    *(b'{"id":1,"x":1e400}', b'{"id":1,"x":"\\ud800"}', b'{"id":1,"x":"\\q"}', b'\xef\xbb\xbf{"id":1}'),
    *('{"id":1}'.encode("utf-16"), '{"id":"é"}'.encode("latin-1"), b'{"id":1,"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
)


def _expected(body: bytes) -> object:
    """What the standard library makes of it: all of it, and of that the members looked for."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "The body is not JSON."
    if not isinstance(document, dict):
        return "The body is JSON but no object."
    return document, {name: document[name] for name in _NAMES if name in document}


def _found(body: bytes) -> object:
    """The same through the readers, which must agree whether it can be read at all."""
    try:
        document = whole(body, "Look.")
    except Malformed as error:
        with pytest.raises(Malformed, match=error.message):
            members(body, _NAMES, "Look.")
        return error.message
    return document, members(body, _NAMES, "Look.")


@pytest.mark.parametrize("body", _HOSTILE, ids=lambda body: repr(body[:30]))
def test_odd_bytes_are_read_alike(body: bytes) -> None:
    assert repr(_found(body)) == repr(_expected(body))  # as text, because NaN is not equal to itself


@given(_values, st.booleans())
def test_any_json_is_read_alike(value: object, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert repr(_found(body)) == repr(_expected(body))


@given(_values, st.binary(max_size=3), st.floats(0, 1))
def test_damaged_json_is_read_alike(value: object, damage: bytes, place: float) -> None:
    body = json.dumps({"id": 7, "x": value}).encode("utf-8")
    at = int(place * len(body))
    body = body[:at] + damage + body[at + 1 :]
    assert repr(_found(body)) == repr(_expected(body))


def test_the_remedy_is_the_callers() -> None:
    with pytest.raises(Malformed) as caught:
        members(b"nonsense", _NAMES, "Look whether a plugin changes it.")
    assert caught.value.remedy == "Look whether a plugin changes it."
