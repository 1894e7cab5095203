"""One order's page and the acts on it, over the real stories."""

from __future__ import annotations

from unittest import mock

from connector.domain.errors import Rejected
from connector.domain.fulfillment import Step
from connector.domain.orders import Handover, Lifecycle
from connector.flow import fulfill
from connector.flow.wake import Wake
from tests.desk import seeding
from tests.desk.conftest import Reader, Rung
from tests.desk.seeding import Town, order


def open_order(reader: Reader, order_id: int, query: str = "") -> str:
    assert reader.get(f"/orders/{order_id}{query}").status_code == 200
    return reader.page


def test_it_shows_the_whole_order(reader: Reader, town: Town) -> None:
    page = open_order(reader, town.place(order(("BK-001", 2), ("BK-003", 1), note="Pour un cadeau")))
    for words in (
        "Boutique Vieux-Port",
        "Boutique Canebière",
        "No single location has everything; 2 parts are the fewest",
        "Boutique Canebière gives 1 unit.",
        "Pour un cadeau",
        "elise@example.org",
        "13002 Marseille",
        "France",
        "€40.30",
        "Order taken in.",
        "Nothing yet.",
        "Mark packed",
    ):
        assert words in page
    assert page.count("/pack") == 2


def test_from_packing_to_shipping_with_tracking(reader: Reader, town: Town, rung: Rung) -> None:
    order_id = town.place(order(("BK-001", 1)), "bigcommerce")
    open_order(reader, order_id)
    assert reader.send("/pack").status_code == 200
    assert "packed." in reader.page
    assert "Next: give the parcel to the carrier" in reader.page
    assert rung.wakes == [Wake("deliver", town.shops["bigcommerce"].id)]
    reader.send("/ship", carrier="Colissimo", tracking_number="6A1", tracking_url="https://example.org/6A1")
    assert "shipped." in reader.page
    assert 'href="https://example.org/6A1"' in reader.page
    assert "Nothing more to do for this part." in reader.page
    assert reader.client.get("/orders").get_data(as_text=True).count('class="open"') == 0


def test_after_packing_the_next_order_is_offered(reader: Reader, town: Town) -> None:
    older, newer = town.place(order(("BK-001", 1), minutes_ago=50)), town.place(order(("BK-002", 1), minutes_ago=5))
    held = town.place(order(("BK-002", 1), minutes_ago=500, lifecycle=Lifecycle.ON_HOLD))
    assert "Next to pack:" not in open_order(reader, newer)
    reader.send("/pack")
    assert "Next to pack:" in reader.page
    assert f'href="/orders/{older}"' in reader.page
    assert f'href="/orders/{held}"' not in reader.page


def test_the_reader_comes_back_to_the_list_they_left(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-001", 1)))
    open_order(reader, order_id, "?location=1&type=delivery&evil=1")
    reader.send("/pack")
    assert 'href="/orders?type=delivery&amp;location=1"' in reader.page
    assert "evil" not in reader.page


def test_shipping_an_unpaid_order_says_what_is_owed_and_takes_the_payment_there(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-004", 3), paid=False))
    assert "It can be packed, but leaves only when it is paid in full." in open_order(reader, order_id)
    reader.send("/pack")
    assert 'aria-disabled="true"' in reader.page
    assert "€29.70 is still owed. Take the payment, then record it here." in reader.page
    assert "/ship" not in reader.page
    reader.send("/payments", amount="9,70", method="cash")
    assert "€9.70 recorded. Nobody was charged." in reader.page
    assert "€20.00 is still owed." in reader.page
    reader.send("/payments", amount="20")
    assert "Nothing owed" in reader.page
    reader.send("/ship")
    assert "shipped." in reader.page


def test_a_refused_act_that_is_sent_all_the_same_changes_nothing(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-004", 3), paid=False))
    part = town.parts(order_id)[0]
    town.move(part, Step.PACK)
    open_order(reader, order_id)
    token = reader.page.split('name="csrf_token" value="')[1].split('"')[0]
    answer = reader.client.post(f"/orders/{order_id}/parts/{part}/ship", data={"csrf_token": token})
    assert answer.status_code == 303
    assert "€29.70 is still owed" in open_order(reader, order_id)
    assert 'role="alert"' in reader.page
    assert "Shipped" not in reader.page.split("Timeline")[1]


def test_the_same_form_twice_is_one_payment_and_one_packing(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-004", 3), paid=False))
    open_order(reader, order_id)
    before = reader.page
    reader.send("/payments", amount="10")
    reader.page = before
    reader.send("/payments", amount="10")
    assert "€19.70" in open_order(reader, order_id)
    before = reader.page
    reader.send("/pack")
    reader.page = before
    reader.send("/pack")
    assert "that was done already." in reader.page


def test_an_amount_that_is_none_is_given_back_to_mend(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-004", 3), paid=False))
    for typed, words in (
        ("abc", "This is no amount"),
        ("0", "This is no amount"),
        ("99", "more than the €29.70"),
        ("1,234", "no amount"),
    ):
        open_order(reader, order_id)
        assert reader.send("/payments", amount=typed, method="cash").status_code == 422
        assert words in reader.page
        assert f'value="{typed}"' in reader.page
        assert 'value="cash"' in reader.page


def test_a_tracking_link_must_be_a_web_address(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-001", 1)))
    town.move(town.parts(order_id)[0], Step.PACK)
    open_order(reader, order_id)
    assert reader.send("/ship", tracking_number="6A1", tracking_url="javascript:alert(1)").status_code == 422
    assert "This is no web address." in reader.page
    assert 'value="6A1"' in reader.page


def test_pickup_is_told_ready_then_picked_up(reader: Reader, town: Town) -> None:
    pickup = order(("BK-003", 1), handover=Handover.PICKUP, pickup_location="place-canebiere")
    page = open_order(reader, town.place(pickup, "woocommerce"))
    assert "collected at Boutique Canebière" in page
    assert "Delivery address" not in page
    reader.send("/pack")
    assert "Next: tell the customer that it is ready" in reader.page
    reader.send("/ready")
    assert "Next: hand it over when they come" in reader.page
    reader.send("/pick-up")
    assert "picked up." in reader.page


def test_a_held_order_says_so_and_blocks(reader: Reader, town: Town) -> None:
    page = open_order(reader, town.place(order(("BK-001", 1), lifecycle=Lifecycle.ON_HOLD)))
    assert "Shopify holds this order." in page
    assert 'aria-disabled="true"' in page
    assert "/pack" not in page


def test_a_shop_that_wants_payment_first_blocks_packing(reader: Reader, town: Town) -> None:
    town.set_shop("shopify", pay_first=True)
    page = open_order(reader, town.place(order(("BK-001", 1), paid=False)))
    assert "/pack" not in page
    assert "€12.90 is still owed." in page


def test_what_the_platform_was_told_in_plain_words(reader: Reader, town: Town) -> None:
    page = open_order(reader, seeding.morning(town)["shipped"])
    for words in (
        "Shopify was told.",
        "has no word for it",
        "could not be told. Someone must look",
        "Tries so far: 2",
        "line is gone",
    ):
        assert words in page


def test_a_colleague_who_was_quicker_is_no_error_page(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-001", 1)))
    open_order(reader, order_id)
    with mock.patch.object(fulfill, "move", side_effect=Rejected("The part is packed.", "It must be new for this step.")):
        assert reader.send("/pack").status_code == 200
    assert "The part is packed. It must be new for this step." in reader.page


def test_forms_without_our_token_are_refused(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-001", 1), paid=False))
    part = town.parts(order_id)[0]
    for path in (f"/orders/{order_id}/parts/{part}/pack", f"/orders/{order_id}/payments"):
        for data in ({}, {"csrf_token": "forged"}):
            answer = reader.client.post(path, data={**data, "amount": "1"})
            assert answer.status_code == 400
            assert "Nothing was done." in answer.get_data(as_text=True)
    assert "Start packing" in open_order(reader, order_id)


def test_an_act_on_a_foreign_part_or_of_no_kind_is_not_found(reader: Reader, town: Town) -> None:
    mine, other = town.place(order(("BK-001", 1))), town.place(order(("BK-001", 1)))
    open_order(reader, mine)
    token = reader.page.split('name="csrf_token" value="')[1].split('"')[0]
    for path in (f"/orders/{mine}/parts/{town.parts(other)[0]}/pack", f"/orders/{mine}/parts/{town.parts(mine)[0]}/burn"):
        assert reader.client.post(path, data={"csrf_token": token}).status_code == 404
