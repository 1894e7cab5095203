"""Which addresses of a catalogue may stand on our pages as pictures, and what a policy may name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.pictures import LONGEST, MOST_SOURCES, address, sources


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://cdn.shopify.com/s/files/1/a.jpg?v=1&width=160", "https://cdn.shopify.com/s/files/1/a.jpg?v=1&width=160"),
        (" https://CDN.Example.com:443/a.png#top ", "https://cdn.example.com/a.png"),
        ("https://example.com/La côte d’azur.jpg", "https://example.com/La%20c%C3%B4te%20d%E2%80%99azur.jpg"),
        ("https://example.com?a=1", "https://example.com/?a=1"),
        ("https://été.fr/1.webp", "https://xn--t-9fab.fr/1.webp"),
        ("https://cdn11.bigcommerce.com/s-x/1%20a.jpg", "https://cdn11.bigcommerce.com/s-x/1%20a.jpg"),
        ('https://example.com/"><script>.png', "https://example.com/%22%3E%3Cscript%3E.png"),
    ],
)
def test_a_picture_on_a_public_host_over_https_is_kept_in_one_spelling(given: str, kept: str) -> None:
    assert address(given) == kept
    assert address(kept) == kept


HOSTILE = [
    "javascript:alert(1)",
    "data:image/svg+xml,<svg onload=alert(1)>",
    "blob:https://example.com/1",
    "http://example.com/a.png",
    "//example.com/a.png",
    "/a.png",
    "ftp://example.com/a.png",
    "https://user:word@example.com/a.png",
    "https://example.com@evil.example/a.png",
    "https:\\\\example.com\\a.png",
    "https://example.com/a\n.png",
    "https://example.com/\x00.png",
    "https://example.com:8443/a.png",
    "https://example.com:99999/a.png",
    "https://[::1/a.png",
    "https://[::1]/a.png",
    "https://127.0.0.1/a.png",
    "https://2130706433/a.png",
    "https://0x7f.1/a.png",
    "https://192.168.1.1/a.png",
    "https://localhost/a.png",
    "https://router.local/a.png",
    "https://db.internal/a.png",
    "https://example.com;script-src *; /a.png",
    "https://example.com;script-src/a.png",
    "https://example.com,evil.example/a.png",
    "https://*.example.com/a.png",
    "https://'self'/a.png",
    f"https://{'a' * 60}.{'b' * 60}.example/a.png",
    "https://example.com/" + "a" * 10_240,
    "https://example.com/" + "é" * (LONGEST // 3),
    "",
    None,
    0,
    {"src": "https://example.com/a.png"},
    ["https://example.com/a.png"],
    b"https://example.com/a.png",
]


@pytest.mark.parametrize("given", HOSTILE, ids=lambda given: str(given)[:40])
def test_anything_else_is_no_picture(given: object) -> None:
    assert address(given) == ""


def test_what_the_shops_own_origin_serves_is_kept_and_that_of_its_neighbours_is_not() -> None:
    """A shop under development is reached over http, at a private address: only the settings admit such a shop."""
    shop = "http://127.0.0.1:9000/woocommerce"
    assert address("http://127.0.0.1:9000/a.png", shop) == "http://127.0.0.1:9000/a.png"
    assert address("http://127.0.0.1:9001/a.png", shop) == ""
    assert address("https://127.0.0.1:9000/a.png", shop) == ""
    assert address("http://u@127.0.0.1:9000/a.png", shop) == ""
    assert address("http://a;b/a.png", "http://a;b") == "", "nothing that would end a source in a header"
    assert address("a.png", "") == ""


def test_a_policy_names_each_origin_once_and_not_too_many() -> None:
    kept = ["https://b.example/1", "https://a.example/1?x", "https://b.example/2", "http://127.0.0.1:9000/1", ""]
    assert sources(kept) == ("http://127.0.0.1:9000", "https://a.example", "https://b.example")
    assert len(sources(f"https://h{number}.example/1" for number in range(99))) == MOST_SOURCES


@given(st.text(max_size=60) | st.text("htps:/@.[]a1\\ ;'%é?#-_", max_size=60).map("https://".__add__))
def test_whatever_is_given_it_never_fails_and_what_is_kept_ends_no_header_and_no_attribute(given: str) -> None:
    kept = address(given)
    assert kept == "" or (kept.startswith("https://") and kept.isascii() and kept.isprintable())
    assert not set(kept) & set(' "<>\\`')
    for source in sources([kept]):
        assert not set(source) & set(" ;,'*/") - {"/"}
        assert source.count("/") == 2
