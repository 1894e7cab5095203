"""The page that corrects a customer or an address, and what an order's page says line by line and try by try."""

from __future__ import annotations

from sqlalchemy import insert, select

from connector.db.tables import attempts, outbox
from connector.domain.fulfillment import Step
from tests.desk.conftest import Reader
from tests.desk.seeding import NOW, Town, order


def test_an_address_is_checked_corrected_and_the_change_is_told(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-001", 1)))
    reader.get(f"/orders/{order_id}/person")
    assert "Nothing is missing from the delivery address." in reader.page
    typed = {"shipping-name": "Élise Ménard", "shipping-street": "1 quai du Port", "shipping-city": "Marseille"}
    wrong = reader.send("/person", **typed, **{"shipping-postcode": "130", "shipping-country": "FR"})
    assert wrong.status_code == 422
    assert "This is no postcode of the country. It looks like 11111." in reader.page
    assert 'value="1 quai du Port"' in reader.page
    reader.send("/person", **typed, **{"shipping-postcode": "13002", "shipping-country": "FR"})
    assert "1 quai du Port" in reader.page
    assert "Corrected here: " in reader.page
    assert "Delivery address – Street" in reader.page


def test_a_pickup_needs_no_address(reader: Reader, town: Town) -> None:
    from connector.domain.orders import Address, Handover

    placed = order(("BK-001", 1), handover=Handover.PICKUP, pickup_location="place-canebiere", shipping=Address())
    order_id = town.place(placed, "woocommerce")
    reader.get(f"/orders/{order_id}/person")
    assert "A parcel may not reach this address." not in reader.page
    assert reader.send("/person", **{"customer-name": "Zoé"}).status_code == 200
    assert "Zoé" in reader.page


def test_each_line_says_how_many_are_picked_gone_and_refunded(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-001", 2), ("BK-003", 1)))
    first = town.parts(order_id)[0]
    town.move(first, Step.PACK, Step.SHIP)
    reader.get(f"/orders/{order_id}")
    for head in ("Quantity", "Allocated", "Picked", "Gone", "Refunded"):
        assert f'class="number">{head}</th>' in reader.page
    assert reader.page.count('data-label="Gone">–</td>') == 1


def test_every_failed_try_towards_the_platform_is_on_the_timeline_in_plain_words(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-001", 1)))
    town.move(town.parts(order_id)[0], Step.PACK, Step.SHIP)
    with town.engine.begin() as conn:
        told = conn.execute(select(outbox.c.id).where(outbox.c.act == "shipped")).scalar_one()
        for outcome, detail in (("timedout", "The shop did not answer."), ("throttled", "429"), ("applied", "Done.")):
            conn.execute(insert(attempts).values(outbox_id=told, outcome=outcome, detail=detail, at=NOW))
    reader.get(f"/orders/{order_id}")
    assert "Shipped: try 1 to tell Shopify – too slow." in reader.page
    assert "Shipped: try 2 to tell Shopify – asked to slow down." in reader.page
    assert "try 3" not in reader.page
