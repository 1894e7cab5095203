"""Several orders at once, saved views, filters, notes, and the pages of health."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from connector.db.tables import inbox, outbox
from connector.domain.fulfillment import Step
from connector.domain.orders import Customer
from connector.flow.wake import Wake
from desk import payloads
from tests.desk import seeding
from tests.desk.conftest import Reader, Rung
from tests.desk.seeding import NOW, Town, order
from tests.desk.test_staff import PASSWORD, sign_in, story, token


def do(reader: Reader, act: str, ids: list[int], path: str = "/orders", **fields: str) -> str:
    """Tick these orders on the list, and choose the act."""
    reader.get(path)
    return reader.send("/orders/bulk", act=act, order=ids, **fields).get_data(as_text=True)  # type: ignore[arg-type]


class TestBulk:
    def test_each_order_is_judged_alone_and_has_its_line(self, reader: Reader, town: Town) -> None:
        placed = seeding.morning(town)
        chosen = [placed[name] for name in ("plain", "packed_unpaid", "held", "ready")]
        page = do(reader, "pack", [*chosen, 987654])
        assert page.count('<li class="done">') == 2  # one now, one packed before
        assert page.count('<li class="refused">') == 3
        assert "holds this order" in page
        assert "does not exist" in page

    def test_one_carrier_and_number_for_all(self, reader: Reader, town: Town) -> None:
        ids = [town.place(order(("BK-001", 1))) for _ in range(3)]
        do(reader, "pack", ids)
        page = do(reader, "ship", ids, carrier="Colissimo", tracking_number="6A1")
        assert page.count('<li class="done">') == 3
        reader.get(f"/orders/{ids[2]}")
        assert "Colissimo" in reader.page
        assert "6A1" in reader.page

    def test_only_the_chosen_location_s_parts_move(self, reader: Reader, town: Town) -> None:
        split = town.place(order(("BK-001", 2), ("BK-003", 1)))
        reader.get("/orders")
        location = next(line for line in reader.page.split("<option") if "Boutique Canebière" in line).split('"')[1]
        page = do(reader, "pack", [split], path=f"/orders?location={location}")
        assert page.count('<li class="done">') == 1
        assert "Boutique Vieux-Port" not in page

    def test_payments_once(self, reader: Reader, town: Town) -> None:
        unpaid = town.place(order(("BK-004", 3), paid=False))
        assert "€29.70 recorded" in do(reader, "pay", [unpaid, unpaid], method="cash")
        assert "Nothing is owed." in do(reader, "pay", [unpaid])

    def test_printing_leads_to_one_file(self, reader: Reader, town: Town) -> None:
        ids = [town.place(order(("BK-001", 1))) for _ in range(2)]
        fields = {"act": "slips", "order": ids, "size": "80mm", "csrf_token": token(reader.get("/orders").get_data(as_text=True))}
        answer = reader.client.post("/orders/bulk", data=fields, follow_redirects=True)
        assert answer.mimetype == "application/pdf"

    def test_nothing_ticked_is_said(self, reader: Reader, town: Town) -> None:
        town.place(order(("BK-001", 1)))
        assert "No order is ticked" in do(reader, "pack", [])


class TestLists:
    def test_tabs_are_counted_within_the_filter(self, reader: Reader, town: Town) -> None:
        placed = seeding.morning(town)
        reader.get("/orders?shop=" + str(town.shops["woocommerce"].id))
        assert '<span class="count">2</span>' in reader.page  # pickup and ready
        assert len(placed) > 2

    def test_columns_of_the_sources(self, reader: Reader, town: Town) -> None:
        town.place(seeding.replace(order(("BK-001", 1)), origin="Instagram", note="Emballer"))
        reader.get("/orders")
        assert all(word in reader.page for word in ("Instagram", "Colissimo", "Emballer"))

    def test_by_month(self, reader: Reader, town: Town) -> None:
        town.place(order(("BK-001", 1), minutes_ago=60 * 24 * 70, customer=Customer(name="Autumn")))
        town.place(order(("BK-001", 1), customer=Customer(name="Today")))
        reader.get(f"/orders?month={NOW:%Y-%m}")
        assert "Today" in reader.page
        assert "Autumn" not in reader.page

    @pytest.mark.parametrize("month", ["2026-13", "0000-00", "x", "2026-1", "99999-1"])
    def test_a_month_that_is_none_is_left_out(self, reader: Reader, town: Town, month: str) -> None:
        assert reader.get(f"/orders?month={month}").status_code == 200

    def test_by_the_barcode_of_our_item(self, reader: Reader, town: Town) -> None:
        seeding.stock.add_items(town.engine, [{"sku": "BK-001", "title": "LPP", "barcode": "9782070612758"}], NOW)
        town.place(order(("BK-001", 1), customer=Customer(name="Saint Ex")))
        town.place(order(("BK-002", 1), customer=Customer(name="Albert")))
        reader.get("/orders?q=9782070612758")
        assert "Saint Ex" in reader.page
        assert "Albert" not in reader.page

    def test_a_view_of_one_s_own_and_of_the_team(self, app: Flask, town: Town) -> None:
        for name, role in (("Inès", "operator"), ("Paul", "picker")):
            story.add(town.engine, name, story.Role(role), PASSWORD)
        town.place(order(("BK-001", 1), paid=False))
        ines, paul = Reader(app.test_client()), Reader(app.test_client())
        sign_in(ines.client, "ines")
        sign_in(paul.client, "Paul")
        for name, of in (("To collect", "team"), ("Mine only", "me")):
            ines.get("/orders?payment=unpaid")
            ines.send("/views", **{"name": name, "for": of})
        assert "To collect" in paul.get("/orders").get_data(as_text=True)
        assert "Mine only" not in paul.page
        assert "Remove “" not in paul.page  # the team's views are the operators' business
        assert ines.get("/orders").get_data(as_text=True).count('<span class="count">1</span>') >= 3


def test_a_fulfillment_note_is_told_from_the_sale_note(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-001", 1), note="for Mamie"))
    reader.get(f"/orders/{order_id}")
    reader.send("/notes", text="<b>box 7</b>")
    assert "&lt;b&gt;box 7&lt;/b&gt;" in reader.page
    reader.get("/orders")
    assert all(word in reader.page for word in ("for Mamie", "box 7"))


class TestHealth:
    def test_each_shop_and_what_was_given_up(self, reader: Reader, town: Town) -> None:
        seeding.morning(town)
        reader.get("/health")
        assert reader.page.count('aria-labelledby="shop-') == 3
        assert "The shop answered 422: line is gone." in reader.page

    def test_replaying_first_without_doing_it(self, reader: Reader, town: Town, rung: Rung) -> None:
        seeding.morning(town)
        reader.get("/health")
        reader.send("/health/outbox/replay", dry="1")
        assert "1 row would be put back in the line." in reader.page
        assert _states(town) == {"dead", "delivered", "waiting"}
        reader.send("/health/outbox/replay")
        assert "1 put back in the line." in reader.page
        assert _states(town) == {"delivered", "waiting"}
        assert Wake("deliver", town.shops["shopify"].id) in rung.wakes

    def test_a_payload_is_shown_without_the_person(self, reader: Reader, town: Town) -> None:
        body = {
            "id": 17,
            "status": "processing",
            "billing": {"first_name": "Élise", "postcode": "13002", "id": 5},
            "customer_note": "at Mamie's",
            "line_items": [{"sku": "BK-001", "quantity": 2, "meta_data": [{"value": "secret word"}]}],
        }
        with town.engine.begin() as conn:
            row = {"shop_id": town.shops["shopify"].id, "dedup_key": "1", "kind": "order", "state": "done"}
            sealed = town.seal.seal(json.dumps(body).encode())
            row_id = conn.execute(insert(inbox).values(**row, sealed_body=sealed).returning(inbox.c.id)).scalar_one()
        reader.get(f"/health/inbox/{row_id}")
        assert all(word in reader.page for word in ("BK-001", "processing", payloads.HIDDEN))
        assert not any(word in reader.page for word in ("Élise", "13002", "Mamie", "secret word"))
        with town.engine.begin() as conn:
            conn.execute(update(inbox).values(sealed_body=None))
        assert "Not to be shown: 0 bytes." in reader.get(f"/health/inbox/{row_id}").get_data(as_text=True)

    def test_how_a_delivery_ended_is_said_in_the_readers_language(self, reader: Reader, town: Town) -> None:
        row = {"shop_id": town.shops["shopify"].id, "kind": "order"}
        own = "The shop shows another order."  # a sentence of the connector's, which is English
        with town.engine.begin() as conn:
            for key, state, reason in (("1", "done", "same"), ("2", "dead", own)):
                conn.execute(insert(inbox).values(**row, dedup_key=key, state=state, reason=reason))
        reader.get("/health/inbox?lang=fr")
        assert "Déjà connu" in reader.page
        assert f'<span lang="en">{own}</span>' in reader.page
        reader.get("/health/inbox?lang=en")
        assert "Known already" in reader.page

    @pytest.mark.parametrize("path", ["inbox/987654", "outbox/987654", "inbox/99999999999999999999", "nobox"])
    def test_what_is_not_there(self, reader: Reader, path: str) -> None:
        assert reader.get(f"/health/{path}").status_code == 404


def _states(town: Town) -> set[str]:
    with town.engine.connect() as conn:
        return set(conn.execute(select(outbox.c.state)).scalars())


def test_moving_a_part_keeps_its_assignment(reader: Reader, town: Town) -> None:
    part = town.parts(town.place(order(("BK-001", 1))))[0]
    staff_id = story.add(town.engine, "Inès", story.Role.PICKER, PASSWORD)
    seeding.fulfill.move(town.engine, part, Step.START, NOW, actor="Inès")
    from connector.flow import picking

    picking.assign(town.engine, part, staff_id, NOW, actor="Inès")
    seeding.fulfill.move(town.engine, part, Step.PACK, NOW, actor="Inès")
    with pytest.raises(picking.NotFound):
        picking.assign(town.engine, part, 987654, NOW, actor="Inès")
