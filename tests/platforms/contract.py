"""What every platform must keep to, whatever it is: checks that run on all that stand in the registry, unasked.

A check takes a platform that can reach nobody. What a platform says and writes over HTTP is its own tests' affair.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.domain.errors import ConnectorError, Malformed, Rejected
from connector.domain.orders import Handover, Order
from connector.domain.settings import known, parsed
from connector.platform import Act, AnnouncedLine, Announcement, CallError, Change, Delivery, Platform, Shop, Spot
from platforms import registry
from platforms.http import Http

Check = Callable[[Platform], None]

_NOBODY = "http://127.0.0.1:1"
_AT = datetime(2026, 11, 23, tzinfo=UTC)
_ODD_BODIES: Sequence[bytes] = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"true",
    b"0",
    b'"text"',
    b"{}",
    b'{"id": null}',
    b'{"id": {}, "data": [], "line_items": 7}',
    b'{"id": 1e999}',
    b'{"data": {"id": []}, "scope": 5}',
    b"[" * 5000,
    "{“id”: 1}".encode(),
    b"\xff\xfe{\x00}\x00",
    b"webhook_id=1",
)
_ODD_HEADERS: Sequence[dict[str, str]] = (
    {},
    {"x-shopify-hmac-sha256": "é", "x-wc-webhook-signature": "\ud800", "webhook-signature": "v1,", "x-toy-signature": "é"},
    {"x-shopify-topic": "", "x-wc-webhook-topic": "a.b.c", "webhook-id": "", "webhook-timestamp": "never"},
)
_FORBIDDEN = (
    "connector.flow",
    "connector.db",
    "config",
    "flask",
    "rq",
    "redis",
    "sqlalchemy",
    "webhooks",
    "desk",
    "jobs",
    "sandbox",
)


def shop_of(platform: Platform) -> Shop:
    """A shop of the platform with credentials that open nothing, at an address where nobody answers."""
    words = {**dict.fromkeys(platform.credentials, "word"), "webhook_secret": "word"}
    return Shop(1, "key", platform.name, "Shop", "shop.example", _NOBODY, words)


def has_a_name_a_title_and_says_what_it_needs(platform: Platform) -> None:
    """People and addresses name it."""
    assert re.fullmatch(r"[a-z][a-z0-9]+", platform.name)
    assert platform.title.strip()
    assert platform.credentials
    assert all(re.fullmatch(r"[a-z][a-z_]*", name) and text.strip() for name, text in platform.credentials.items())


def refuses_unusable_credentials_with_the_remedy(platform: Platform) -> None:
    """Nothing given, and nonsense given."""
    for options in ({}, dict.fromkeys(platform.credentials, ""), dict.fromkeys(platform.credentials, "\x00 / ?")):
        with pytest.raises(Rejected) as refused:
            platform.open_shop(options)
        assert refused.value.remedy


def takes_no_unsigned_body_for_genuine(platform: Platform) -> None:
    """Never an error, whatever comes."""
    shop = shop_of(platform)
    for body in _ODD_BODIES:
        for headers in _ODD_HEADERS:
            assert platform.genuine(shop, headers, body) is False
            assert platform.is_ping(headers, body) in (True, False)
            assert isinstance(platform.shop_named_by(headers), str)


def understands_a_body_or_says_that_it_cannot(platform: Platform) -> None:
    """A delivery, or Malformed; and the same body has the same key."""
    for body in _ODD_BODIES:
        for headers in _ODD_HEADERS:
            try:
                delivery = platform.parse(headers, body)
            except Malformed:
                continue
            assert isinstance(delivery, Delivery)
            assert delivery.dedup_key
            assert platform.parse(headers, body) == delivery


def normalizes_a_body_or_says_that_it_cannot(platform: Platform) -> None:
    """An order, None, or one of the errors that a row can end with."""
    for body in _ODD_BODIES:
        try:
            order = platform.normalize(shop_of(platform), body)
        except ConnectorError:
            continue
        assert order is None or isinstance(order, Order)


def raises_call_errors_only(platform: Platform) -> None:
    """Where nobody answers, every call says so as one of the four, and that nothing can have been written."""
    shop = shop_of(platform)
    for call in _calls(platform, shop):
        with pytest.raises(CallError) as failed:
            call()
        assert failed.value.effect_unknown is False
        assert str(failed.value)


def _calls(platform: Platform, shop: Shop) -> Iterator[Callable[[], object]]:
    lines = (AnnouncedLine("1", 1, 1),)
    told = Announcement("k", Act.SHIPPED, "1", "#1", Handover.DELIVERY, lines, last=True, at=_AT)
    cancelled = Announcement("c", Act.CANCELLED, "1", "#1", Handover.DELIVERY, (), last=True, at=_AT)
    yield lambda: platform.check(shop)
    yield lambda: platform.subscribe(shop, "https://connector.example/webhooks")
    yield lambda: platform.fetch_order(shop, "1")
    yield lambda: platform.changed_orders(shop, _AT, "")
    yield lambda: platform.list_orders(shop, _AT, _AT, "")
    yield lambda: platform.flaws(shop, "https://connector.example/webhooks")
    yield lambda: platform.locations(shop)
    yield lambda: platform.announce(shop, told)
    if platform.cancels:
        yield lambda: platform.announce(shop, cancelled)
    if platform.goods is not None:
        spot = Spot("1", "1" if platform.goods.located else "*")
        goods = platform.goods
        yield lambda: goods.variants(shop, "")
        yield lambda: goods.levels(shop, [spot])
        yield lambda: goods.publish(shop, "key", [Change(spot, 1, 2)])


def keeps_credentials_out_of_sight(platform: Platform) -> None:
    """No repr of a shop shows them."""
    assert "word" not in repr(shop_of(platform))


def has_settings_whose_defaults_are_allowed(platform: Platform) -> None:
    """Each setting has a meaning, and a choice's default is one of its choices."""
    for setting in known(platform.name):
        assert setting.meaning.endswith(".")
        typed = ",".join(setting.default) if isinstance(setting.default, list) else setting.default
        assert not setting.allowed or parsed(platform.name, setting.name, typed) == setting.default


def has_bounds_for_its_goods(platform: Platform) -> None:
    """A push is bounded, and so is the time it settles in."""
    if platform.goods is not None:
        assert 0 < platform.goods.most <= 2000
        assert 0 <= platform.goods.settles_seconds <= 60


def sees_the_port_and_the_domain_only(platform: Platform) -> None:
    """Its folder imports no database, no web, no queue and no other platform."""
    folder = Path(str(importlib.import_module(f"platforms.{platform.name}").__file__)).parent
    names = [name for file in folder.rglob("*.py") for name in _imported(ast.parse(file.read_text()))]
    siblings = {f"platforms.{other.name}" for other in all_platforms()} - {f"platforms.{platform.name}"}
    assert [name for name in names if name.startswith(_FORBIDDEN) or any(name.startswith(other) for other in siblings)] == []


def _imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


CHECKS: Sequence[Check] = (
    has_a_name_a_title_and_says_what_it_needs,
    refuses_unusable_credentials_with_the_remedy,
    takes_no_unsigned_body_for_genuine,
    understands_a_body_or_says_that_it_cannot,
    normalizes_a_body_or_says_that_it_cannot,
    raises_call_errors_only,
    keeps_credentials_out_of_sight,
    has_settings_whose_defaults_are_allowed,
    has_bounds_for_its_goods,
    sees_the_port_and_the_domain_only,
)


def all_platforms() -> list[Platform]:
    """Every platform of the registry as it stands now."""
    return list(registry.platforms(Http(private_allowed=True, total_seconds=2)).values())


def cases() -> list[tuple[Platform, Check]]:
    """Every check of every platform."""
    return [(platform, check) for platform in all_platforms() for check in CHECKS]
