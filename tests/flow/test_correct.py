"""Corrections of customers and addresses: they stay over the platform's updates, and give way to its own change with a notice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import insert

from connector.db import order_views, privacy
from connector.db.order_views import OrderDetail, OrderFilter
from connector.db.tables import endpoints, events, order_corrections, order_events, orders
from connector.domain.errors import NotFound, Rejected
from connector.domain.orders import Address, Customer, Lifecycle, Order
from connector.flow.correct import Corrected, correct
from tests.flow.conftest import Make
from tests.flow.toy import World, order

HOME = Address(name="Élise Ménard", street="12 rue de la Republique", postcode="13002", city="Marseille", country="FR")
STREET = "14 rue de la République"


def placed(minute: int = 0, shipping: Address = HOME, **more: object) -> Order:
    return order(minute=minute, shipping=shipping, customer=Customer(name="Élise Ménard", email="e@example.test"), **more)


@pytest.fixture
def at(make: Make) -> World:
    return make({("PEN", "quay"): 9, ("PEN", "depot"): 9})


def detail(at: World) -> OrderDetail:
    with at.engine.connect() as conn:
        found = order_views.order_detail(conn, at.seal, at.rows(orders)[0]["id"])
    assert found is not None
    return found


def fix(at: World, **sections: dict[str, str]) -> Corrected:
    return correct(at.engine, at.seal, at.rows(orders)[0]["id"], sections, at.now, actor="Inès")


def street(at: World) -> str:
    return str(detail(at).person["shipping"]["street"])


def test_a_correction_stays_over_updates_that_bring_the_old_value(at: World) -> None:
    at.take(placed())
    assert fix(at, shipping={"street": STREET}).fields == ("shipping.street",)
    assert street(at) == STREET
    at.take(placed(minute=1, note="Please hurry", tags=("gift",)))
    assert street(at) == STREET
    assert detail(at).row.note == "Please hurry"
    events = at.rows(order_events, code="corrected")
    assert [(row["facts"], row["actor"]) for row in events] == [({"fields": ["shipping.street"]}, "Inès")]


def test_the_platform_s_own_change_wins_with_a_notice_field_by_field(at: World) -> None:
    at.take(placed())
    fix(at, shipping={"street": STREET}, customer={"phone": "+33 6 00 00 00 00"})
    at.take(placed(minute=1, shipping=replace(HOME, street="3 quai du Port")))
    found = detail(at)
    assert found.person["shipping"]["street"] == "3 quai du Port"
    assert found.person["customer"]["phone"] == "+33 6 00 00 00 00"
    assert "correction_replaced" in found.row.attention
    assert [row["facts"] for row in at.rows(order_events, code="correction_replaced")] == [{"fields": ["shipping.street"]}]
    at.take(placed(minute=2, shipping=replace(HOME, street="3 quai du Port"), note="x"))
    assert len(at.rows(order_events, code="correction_replaced")) == 1


def test_where_the_platform_takes_the_correction_over_there_is_nothing_to_tell(at: World) -> None:
    at.take(placed())
    fix(at, shipping={"street": STREET})
    at.take(placed(minute=1, shipping=replace(HOME, street=STREET)))
    assert street(at) == STREET
    assert at.rows_of(order_corrections) == []
    assert at.rows(order_events, code="correction_replaced") == []


def test_typing_the_platform_s_value_again_is_no_correction_any_more(at: World) -> None:
    at.take(placed())
    fix(at, shipping={"street": STREET})
    fix(at, shipping={"street": HOME.street})
    assert at.rows_of(order_corrections) == []
    at.take(placed(minute=1, shipping=replace(HOME, street="3 quai du Port")))
    assert at.rows(order_events, code="correction_replaced") == []


def test_what_is_corrected_is_sealed_and_the_order_is_found_by_the_new_name(at: World) -> None:
    at.take(placed())
    fix(at, customer={"name": "Zoé Vincent"})
    for words, count in (("vincent", 1), ("menard", 0)):
        with at.engine.connect() as conn:
            assert len(order_views.list_orders(conn, OrderFilter(search=words))) == count
    [row] = at.rows_of(order_corrections)
    assert b"Vincent" not in bytes(row["sealed_person"])
    assert "Vincent" not in str(at.rows(order_events))


def test_a_parcel_that_goes_elsewhere_is_routed_anew_and_a_missing_address_is_settled(at: World) -> None:
    at.take(placed(shipping=Address(), attention=("no_address",)))
    assert detail(at).row.attention == ("no_address",)
    fields = {name: getattr(HOME, name) for name in ("name", "street", "postcode", "city", "country")}
    fix(at, shipping=fields)
    assert detail(at).row.attention == ()
    [row] = at.rows(orders)
    assert (row["destination"], row["revision"]) == ("FR-13", 2)
    at.take(placed(minute=1, shipping=Address(), attention=("no_address",)))
    assert detail(at).row.attention == ()
    assert at.rows(orders)[0]["destination"] == "FR-13"


@pytest.mark.parametrize("changes", [{"postcode": "1300"}, {"street": ""}, {"country": "XX-"}])
def test_an_address_no_parcel_could_reach_is_refused_and_nothing_is_kept(at: World, changes: dict[str, str]) -> None:
    at.take(placed())
    with pytest.raises(Rejected, match="could not reach"):
        fix(at, shipping=changes)
    assert at.rows_of(order_corrections) == []


def test_what_has_ended_is_not_corrected(at: World) -> None:
    at.take(placed(lifecycle=Lifecycle.CANCELLED))
    with pytest.raises(Rejected, match="ended"):
        fix(at, shipping={"street": STREET})
    with pytest.raises(NotFound):
        correct(at.engine, at.seal, 10**9, {}, at.now, actor="x")


def test_unknown_fields_change_nothing(at: World) -> None:
    at.take(placed())
    assert fix(at, shipping={"planet": "Mars"}, pets={"name": "Rex"}).fields == ()


def test_whoever_is_forgotten_leaves_no_correction_and_no_parcel_number_in_messages(at: World) -> None:
    with at.engine.begin() as conn:
        conn.execute(insert(endpoints).values(url="https://erp.example", types=["order.received"], sealed_secrets=b""))
    at.take(placed())
    fix(at, shipping={"street": STREET})
    with at.engine.begin() as conn:
        privacy.blank_orders(conn, [at.rows(orders)[0]["id"]], at.seal.seal_json({}))
    assert at.rows_of(order_corrections) == []
    assert {"tracking", "fulfillment_orders"} & at.rows(events)[0]["facts"].keys() == set()
