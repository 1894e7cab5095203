"""The pages of what a person must decide, and of parts that go another way."""

from __future__ import annotations

from dataclasses import replace

from connector.domain.fulfillment import Step
from connector.domain.orders import Lifecycle
from connector.flow.intake import Arrival, take_in
from tests.desk.conftest import Reader, Rung
from tests.desk.seeding import NOW, Town, order


def cancelled_after_shipping(town: Town) -> int:
    given = order(("BK-001", 2))
    order_id = town.place(given)
    part = town.parts(order_id)[0]
    town.move(part, Step.PACK)
    town.move(part, Step.SHIP)
    gone = replace(given, lifecycle=Lifecycle.CANCELLED, version=given.version.replace(year=given.version.year + 1))
    with town.engine.begin() as conn:
        take_in(conn, town.seal, next(iter(town.shops.values())), [Arrival(gone, fetched=True)], NOW)
    return order_id


def test_nothing_to_decide(reader: Reader, town: Town) -> None:
    assert reader.get("/tasks").status_code == 200
    assert "Nothing waits for a decision." in reader.page


def test_a_decision_is_taken_on_the_page_and_in_french(reader: Reader, town: Town) -> None:
    order_id = cancelled_after_shipping(town)
    reader.get(f"/orders/{order_id}")
    assert "Someone must decide" in reader.page
    reader.get("/tasks?lang=fr")
    assert "La commande a été annulée, mais 2 × BK-001 avaient déjà quitté" in reader.page
    reader.get("/tasks?lang=en")
    reader.send('data-choice="came_back"', note="unopened")
    assert "where are the goods now" in reader.page
    reader.send('data-choice="came_back"', place="depot", note="unopened")
    assert "decided." in reader.page
    assert "Nothing waits for a decision." in reader.page
    reader.get(f"/orders/{order_id}")
    assert "Decided: came_back. unopened" in reader.page
    assert "Someone must decide" not in reader.page


def test_a_part_is_moved_rejected_and_packed_short_on_its_page(reader: Reader, town: Town, rung: Rung) -> None:
    order_id = town.place(order(("BK-001", 3)))
    part = town.parts(order_id)[0]
    reader.get(f"/orders/{order_id}")
    assert f"/parts/{part}/other-way" in reader.page
    reader.get(f"/orders/{order_id}/parts/{part}/other-way")
    reader.send("/other-way/move", to="canebiere")
    assert "has not enough" in reader.page
    line = reader.page.partition('name="units-')[2].partition('"')[0]
    reader.send("/other-way/move", to="depot", **{f"units-{line}": "1"})
    assert "another location prepares it" in reader.page
    assert "Dépôt Arenc" in reader.page
    reader.get(f"/orders/{order_id}/parts/{part}/other-way")
    reader.send("/other-way/short", **{f"units-{line}": "1"})
    assert "what was picked is packed" in reader.page
    reader.get(f"/orders/{order_id}/parts/{part}/other-way")
    reader.send("/other-way/reject", reason="damaged", note="water")
    assert "is not asked again for it" in reader.page


def test_a_handover_is_taken_back_on_its_page(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-001", 2)))
    part = town.parts(order_id)[0]
    town.move(part, Step.PACK)
    town.move(part, Step.SHIP)
    reader.get(f"/orders/{order_id}/parts/{part}/other-way")
    reader.send("/other-way/unship", note="still here")
    assert "the handover is taken back" in reader.page
    assert reader.get(f"/orders/{order_id}/parts/{part}/other-way/nonsense").status_code in (404, 405)


def test_what_is_not_there_is_not_found(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-001", 2)))
    assert reader.get(f"/orders/{order_id}/parts/999999/other-way").status_code == 404
    reader.get("/tasks")
    assert reader.client.post("/tasks/999999").status_code in (400, 404)
