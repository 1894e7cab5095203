"""What lists and pages read of orders: which ones, in which order, and what is said of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, Select, event, text
from sqlalchemy.dialects import postgresql

from connector.db import merchants
from connector.db.engine import of_merchant
from connector.db.order_search import finding, listing, looked_up, walking
from connector.db.order_views import OrderDetail, OrderFilter, OrderRow, choices, list_orders, order_detail
from connector.db.sealed import Seal
from connector.domain.fulfillment import Step
from connector.domain.orders import Customer, Handover, Payment
from connector.flow import fulfill
from tests.desk import seeding
from tests.desk.seeding import Town, order


@pytest.fixture
def town(engine: Engine, seal: Seal) -> Town:
    return seeding.build(engine, seal)


def listed(town: Town, **narrowing: object) -> list[OrderRow]:
    with town.engine.connect() as conn:
        return list_orders(conn, OrderFilter(**narrowing))  # type: ignore[arg-type]


def ids(town: Town, **narrowing: object) -> list[int]:
    return [row.id for row in listed(town, **narrowing)]


def detail_of(town: Town, order_id: int) -> OrderDetail:
    with town.engine.connect() as conn:
        found = order_detail(conn, town.seal, order_id)
    assert found is not None
    return found


def place_id(town: Town, name: str) -> int:
    with town.engine.connect() as conn:
        return next(number for number, called in choices(conn).locations if called == name)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


class TestWhichOrders:
    def test_open_orders_newest_first_and_finished_ones_in_the_history(self, town: Town) -> None:
        old, new = town.place(order(("BK-001", 1), minutes_ago=60)), town.place(order(("BK-001", 1), minutes_ago=1))
        gone = town.place(order(("BK-001", 1), minutes_ago=30))
        town.move(town.parts(gone)[0], Step.PACK, Step.SHIP)
        assert ids(town) == [new, old]
        assert ids(town, oldest_first=True) == [old, new]
        assert ids(town, history=True) == [gone]

    def test_a_list_continues_behind_the_last_row_in_both_directions(self, town: Town) -> None:
        placed = [town.place(order(("BK-001", 1), minutes_ago=5)) for _ in range(5)]  # all at the same moment
        for oldest_first in (False, True):
            seen: list[int] = []
            before = None
            while page := listed(town, limit=2, before=before, oldest_first=oldest_first):
                seen += [row.id for row in page]
                before = (page[-1].placed_at, page[-1].id)
            assert seen == sorted(placed, reverse=not oldest_first)

    def test_filters_by_type_payment_shop_and_attention(self, town: Town) -> None:
        seeded = seeding.morning(town)
        assert set(ids(town, handover="pickup")) == {seeded["pickup"], seeded["ready"]}
        assert set(ids(town, payment="unpaid")) == {seeded["unpaid"], seeded["packed_unpaid"]}
        assert set(ids(town, shop_id=town.shops["woocommerce"].id)) == {seeded["pickup"], seeded["ready"]}
        assert set(ids(town, attention=True)) >= {seeded["unknown"], seeded["backorder"]}
        assert seeded["plain"] not in ids(town, attention=True)

    def test_a_split_order_stands_in_each_locations_list_with_its_own_articles(self, town: Town) -> None:
        split = town.place(order(("BK-001", 2), ("BK-003", 1)))
        rows = {name: listed(town, location_id=place_id(town, name)) for name in ("Boutique Vieux-Port", "Boutique Canebière")}
        assert [row.articles for row in rows["Boutique Vieux-Port"]] == [(("Le Petit Prince", "BK-001", 2),)]
        assert [(row.id, row.units) for row in rows["Boutique Canebière"]] == [(split, 1)]
        assert len(rows["Boutique Canebière"][0].parts) == 2
        assert listed(town)[0].units == 3

    def test_a_part_that_has_left_leaves_its_locations_list_for_its_history(self, town: Town) -> None:
        split = town.place(order(("BK-001", 2), ("BK-003", 1)))
        here, there = place_id(town, "Boutique Vieux-Port"), place_id(town, "Boutique Canebière")
        part = next(part for part in detail_of(town, split).row.parts if part.location_id == here)
        town.move(part.id, Step.PACK, Step.SHIP)
        assert ids(town, location_id=here) == []
        assert ids(town, location_id=here, history=True) == [split]
        assert ids(town, location_id=there) == [split]
        assert ids(town, location_id=there, history=True) == []

    def test_a_state_is_that_of_the_part_where_a_location_is_chosen(self, town: Town) -> None:
        split = town.place(order(("BK-001", 2), ("BK-003", 1)))
        here, there = place_id(town, "Boutique Vieux-Port"), place_id(town, "Boutique Canebière")
        part = next(part for part in detail_of(town, split).row.parts if part.location_id == here)
        town.move(part.id, Step.PACK)
        assert ids(town, state="packed", location_id=here) == [split]
        assert ids(town, state="packed", location_id=there) == []
        assert ids(town, state="packed") == ids(town, state="new") == ids(town, state="in_progress") == [split]
        assert ids(town, state="ready") == []

    @pytest.mark.parametrize(
        "words",
        ["menard", "MÉNARD", "élis", "?mén", "#77", "bk-003", "miserables", "Misérables tome", "menard bk-003"],
    )
    def test_search_finds_without_accents_and_case(self, town: Town, words: str) -> None:
        wanted = town.place(replace(order(("BK-003", 1)), number="#77"))
        town.place(order(("BK-001", 1), customer=Customer(name="Paul Martin")))
        assert ids(town, search=words) == [wanted]

    @pytest.mark.parametrize("words", ["%", "_", "\\", "'; drop table orders; --", "zzz"])
    def test_search_takes_every_sign_for_itself(self, town: Town, words: str) -> None:
        town.place(order(("BK-001", 1)))
        assert ids(town, search=words) == []


class TestWhatIsSaid:
    def test_what_is_owed_follows_the_platform_and_what_was_recorded(self, town: Town) -> None:
        unpaid = town.place(order(("BK-004", 3), paid=False))
        assert listed(town)[0].owed_minor == 2970
        fulfill.record_payment(town.engine, unpaid, seeding.NOW, actor="tests", amount_minor=1000)
        assert (detail_of(town, unpaid).row.owed_minor, detail_of(town, unpaid).recorded_minor) == (1970, 1000)
        refunded = replace(order(("BK-004", 1), paid=False), payment=Payment.REFUNDED)
        assert detail_of(town, town.place(refunded)).row.owed_minor == 0

    def test_an_authorized_payment_is_owed_unless_the_merchant_accepts_it(self, town: Town) -> None:
        order_id = town.place(replace(order(("BK-004", 1), paid=False), payment=Payment.AUTHORIZED))
        assert detail_of(town, order_id).row.owed_minor == 990
        town.set_shop("shopify", accept_authorized=True)
        assert detail_of(town, order_id).row.owed_minor == listed(town)[0].owed_minor == 0

    def test_the_whole_order(self, town: Town) -> None:
        whole = detail_of(town, town.place(order(("BK-005", 6), ("XX-1", 1))))
        assert [(line.sku, line.quantity, line.allocated, line.backordered, line.mapped) for line in whole.lines] == [
            ("BK-005", 6, 4, 2, True),
            ("XX-1", 1, 0, 1, False),
        ]
        assert whole.person["customer"]["email"] == "elise@example.org"
        assert whole.person["shipping"]["city"] == "Marseille"
        assert [step["code"] for step in whole.reason][-1] in ("backordered", "unmapped")
        assert [entry.code for entry in whole.events] == ["received"]
        assert whole.row.backordered == 3
        assert not whole.pay_first

    def test_the_place_of_pickup_has_our_name(self, town: Town) -> None:
        linked = order(("BK-003", 1), handover=Handover.PICKUP, pickup_location="place-canebiere")
        unknown = order(("BK-003", 1), handover=Handover.PICKUP, pickup_location="Kiosque")
        assert detail_of(town, town.place(linked)).pickup_location == "Boutique Canebière"
        assert detail_of(town, town.place(unknown)).pickup_location == "Kiosque"

    def test_tracking_and_what_was_told(self, town: Town) -> None:
        whole = detail_of(town, seeding.morning(town)["shipped"])
        assert (whole.row.parts[0].tracking_number, whole.row.parts[0].carrier) == ("6A12345678901", "Colissimo")
        assert {(entry.state, entry.outcome) for entry in whole.told} >= {("delivered", "applied"), ("dead", "")}
        assert whole.row.state == "completed"

    def test_an_order_that_does_not_exist(self, town: Town) -> None:
        with town.engine.connect() as conn:
            assert order_detail(conn, town.seal, 4711) is None


class TestCost:
    def test_the_number_of_statements_does_not_grow_with_the_orders(self, town: Town) -> None:
        seeding.morning(town)
        with statements(town.engine) as seen:
            assert len(listed(town)) > 10
        assert len(seen) == 4
        with statements(town.engine) as seen:
            detail_of(town, ids(town)[0])
        assert len(seen) - 4 == 7  # 4 of the list

    @pytest.mark.parametrize(
        ("wanted", "index"),
        [
            (OrderFilter(), "ix_orders_open"),
            (OrderFilter(oldest_first=True), "ix_orders_open"),
            (OrderFilter(history=True), "ix_orders_placed"),
        ],
    )
    def test_lists_of_ten_thousand_orders_use_an_index(self, town_of_many: Town, wanted: OrderFilter, index: str) -> None:
        plan = plan_of(town_of_many, wanted)
        assert index in plan, plan
        assert "Seq Scan on orders" not in plan, plan
        assert "Sort Key" not in plan, plan  # already in order: only one page is read

    @pytest.mark.parametrize(("history", "number"), [(False, "9120"), (True, "9123")])
    def test_a_search_reads_only_what_can_fit(self, town_of_many: Town, number: str, *, history: bool) -> None:
        with of_merchant(town_of_many.engine, merchants.FIRST).connect() as conn:
            wanted = looked_up(conn, OrderFilter(search=f"?ient {number}", history=history))
        assert wanted.found is not None
        assert len(wanted.found) == 1, "it is read by its id"
        looking = explained(town_of_many, finding(["ient", "9123"], frozenset()))
        assert "ix_order_words_grams" in looking, looking
        for plan in (looking, plan_of(town_of_many, wanted)):
            assert "Seq Scan on orders" not in plan, plan
            assert "Seq Scan on order_words" not in plan, plan

    def test_a_search_of_open_orders_reads_none_that_have_ended(self, town_of_many: Town) -> None:
        """Where few are open: however many ended orders have the words, it takes no longer."""
        with of_merchant(town_of_many.engine, merchants.FIRST).connect() as conn:
            wanted = looked_up(conn, OrderFilter(search="client"))
            assert len(wanted.found or ()) == 1_000, "each that is open"
            assert len(list_orders(conn, wanted)) == 50
        looking = explained(town_of_many, walking(["ient", "9123"], frozenset()))
        assert "ix_orders_open" in looking, looking
        assert "pk_order_words" in looking, looking
        assert "ix_order_words_grams" not in looking, looking

    @pytest.mark.parametrize(
        ("words", "history"),
        [("client", True), ("cl", False), ("cl", True), ("client prince", True), ("zz", False), ("zz", True)],
    )
    def test_a_search_for_what_most_orders_have_walks_the_list(self, town_of_many: Town, words: str, *, history: bool) -> None:
        """Whatever the planner thinks of the words: else it reads those of all orders there ever were and sorts what it finds."""
        with of_merchant(town_of_many.engine, merchants.FIRST).connect() as conn:
            wanted = looked_up(conn, OrderFilter(search=words, history=history))
            assert wanted.found is None
            assert len(list_orders(conn, wanted)) == (0 if words == "zz" else 50)
        plan = plan_of(town_of_many, wanted)
        assert "Seq Scan on order_words" not in plan, plan
        assert "ix_order_words_grams" not in plan, plan
        assert "pk_order_words" in plan, plan

    def test_a_locations_work_uses_an_index(self, town_of_many: Town) -> None:
        wanted = OrderFilter(location_id=place_id(town_of_many, "Boutique Canebière"), state="packed")
        plan = plan_of(town_of_many, wanted)
        assert "ix_fulfillment_orders" in plan, plan
        assert "Seq Scan on orders" not in plan, plan


def plan_of(town: Town, wanted: OrderFilter) -> str:
    return explained(town, listing(wanted))


def explained(town: Town, statement: Select[Any]) -> str:
    compiled = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    with of_merchant(town.engine, merchants.FIRST).connect() as conn:  # as the pages read it
        return "\n".join(row[0] for row in conn.execute(text("EXPLAIN " + str(compiled).replace(":", "\\:"))))


@pytest.fixture
def town_of_many(town: Town) -> Town:
    """10,000 orders, nine tenths of them finished."""
    seeding.many(town, 10_000)
    return town
