"""Linking a shop, polling it, and stock facts that no order causes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.db.tables import inbox, location_links, movements, shops
from connector.domain.errors import ConnectorError, NotFound, Rejected
from connector.flow import due, reconcile, stock
from connector.flow import shops as shop_flow
from connector.flow.stock import StockLine
from connector.flow.wake import Wake
from connector.platform import ChangedPage, Retryable
from tests.flow.conftest import Make
from tests.flow.toy import MINUTE, START, order


def test_credentials_are_sealed_and_the_webhook_secret_is_kept_with_them(make: Make) -> None:
    at = make({})
    stored = at.rows(shops)[0]["sealed_credentials"]
    assert b"s3cret" not in bytes(stored)
    assert at.seal.open_json(stored) == {"token": "t", "webhook_secret": "s3cret"}
    assert "s3cret" not in repr(shop_flow.by_id(at.engine, at.seal, at.shop.id))


def test_adding_a_store_again_keeps_its_key_and_history(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order())
    again, url = shop_flow.add(at.engine, at.seal, at.toy.platform(), {"token": "new"}, "https://c.example/", at.now)
    assert (again.id, again.key, again.credentials["token"]) == (at.shop.id, at.shop.key, "new")
    assert url == f"https://c.example/webhooks/toy/{at.shop.key}"
    assert {row["external_id"] for row in _links(at)} == {"L1", "L2"}
    assert all(row["location_id"] for row in _links(at))


def _links(at):  # type: ignore[no-untyped-def]
    with at.engine.connect() as conn:
        return [dict(row._mapping) for row in conn.execute(location_links.select())]


def test_an_unknown_shop_is_named(make: Make) -> None:
    at = make({})
    with pytest.raises(NotFound, match="no shop 99"):
        shop_flow.by_id(at.engine, at.seal, 99)


def test_the_poll_finds_what_no_delivery_brought_and_skips_what_is_known(make: Make) -> None:
    at = make({("PEN", "quay"): 9})
    at.take(order("1"))
    missed = order("2", minute=5)
    at.toy.held["2"] = missed
    at.toy.pages = [ChangedPage((("1", START),), "1"), ChangedPage((("2", missed.version),))]
    polled = reconcile.poll(at.engine, at.toy.platform(), at.shop, at.now)
    assert (polled.finished, polled.wakes) == (1, (Wake("ingest", at.shop.id),))
    at.drain()
    assert at.stock("PEN") == {"quay": (9, 4)}
    assert at.rows(shops)[0]["polled_to"] == missed.version
    reconcile.poll(at.engine, at.toy.platform(), at.shop, at.now)
    assert sorted(set(at.toy.asked_since)) == [START - timedelta(minutes=10), missed.version - timedelta(minutes=10)]


def test_a_list_that_repeats_itself_ends_the_poll_with_a_reason(make: Make) -> None:
    at = make({})
    at.toy.pages = [ChangedPage((("1", START),), "0")]
    with pytest.raises(ConnectorError, match="repeats itself"):
        reconcile.poll(at.engine, at.toy.platform(), at.shop, at.now)
    assert len(at.rows(inbox)) == 1


def test_a_poll_that_fails_comes_due_again(make: Make) -> None:
    at = make({})

    def fail(*_: object) -> ChangedPage:
        raise Retryable("no answer")

    at.toy.changed = fail  # type: ignore[method-assign]
    with pytest.raises(Retryable):
        reconcile.poll(at.engine, at.toy.platform(), at.shop, at.now)
    assert Wake("poll", at.shop.id) not in due.due(at.engine, at.now)
    assert Wake("poll", at.shop.id) in due.due(at.engine, at.now + timedelta(seconds=3))


def test_a_poll_that_was_killed_comes_due_within_a_minute(make: Make) -> None:
    at = make({})

    def killed(*_: object) -> ChangedPage:
        raise SystemExit

    at.toy.changed = killed  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        reconcile.poll(at.engine, at.toy.platform(), at.shop, at.now)
    assert Wake("poll", at.shop.id) in due.due(at.engine, at.now + MINUTE)


def test_a_receipt_counts_once_by_its_key(make: Make) -> None:
    at = make({("PEN", "quay"): 1})
    for _ in range(3):
        stock.change(at.engine, [StockLine("PEN", "quay", 4)], at.now, key="bl-7", reason="receipt", actor="ann")
    assert at.stock("PEN") == {"quay": (5, 0)}


def test_a_count_sets_by_the_difference(make: Make) -> None:
    at = make({("PEN", "quay"): 7})
    at.take(order())
    for _ in range(2):
        stock.count(at.engine, [StockLine("PEN", "quay", 5)], at.now, key="c1", actor="ann")
    assert at.stock("PEN") == {"quay": (5, 2)}
    assert [row["on_hand_delta"] for row in at.rows(movements, reason="count")] == [-2]


def test_unknown_items_and_places_are_all_named_and_nothing_is_written(make: Make) -> None:
    at = make({("PEN", "quay"): 7})
    lines = [StockLine("PEN", "quay", 1), StockLine("NOPE", "moon", 1)]
    with pytest.raises(Rejected, match="NOPE, moon"):
        stock.change(at.engine, lines, at.now, key="x", reason="receipt", actor="ann")
    assert at.stock("PEN") == {"quay": (7, 0)}
