"""The pages of endpoints and messages: the secret is shown once, acts are the owner's, messages are sent again."""

from __future__ import annotations

import re

import pytest

from connector.db.event_views import Sought, list_sends
from connector.flow.wake import Wake
from tests.desk.conftest import Reader, Rung
from tests.desk.seeding import Town, order

URL = "https://erp.example/hooks"


def _added(reader: Reader) -> int:
    reader.get("/health/endpoints")
    assert reader.send('"/health/endpoints"', url=URL, name="ERP", type="order.received").status_code == 200
    return int(re.search(r'id="endpoint-(\d+)"', reader.page)[1])  # type: ignore[index]


def test_an_endpoint_is_added_and_its_secret_is_shown_once(reader: Reader, town: Town) -> None:
    reader.get("/health/endpoints")
    assert "No endpoint yet" in reader.page
    endpoint = _added(reader)
    assert re.search(r"whsec_[A-Za-z0-9+/=]{44}", reader.page)
    reader.get("/health/endpoints")
    assert "whsec_" not in reader.page
    reader.send(f"/{endpoint}/rotate")
    assert "whsec_" in reader.page


@pytest.mark.parametrize("url", ["http://erp.example", "https://192.168.0.9/hooks", "nonsense"])
def test_a_wrong_address_is_given_back_with_what_to_do(reader: Reader, town: Town, url: str) -> None:
    reader.get("/health/endpoints")
    assert reader.send('"/health/endpoints"', url=url, type="order.received").status_code == 422
    assert f'value="{url}"' in reader.page
    assert "https://erp.example/hooks" in reader.page or "ALLOW_PRIVATE_SHOPS" in reader.page


def test_messages_are_listed_shown_and_sent_again(reader: Reader, town: Town, rung: Rung) -> None:
    endpoint = _added(reader)
    town.place(order(("BK-001", 1)))
    reader.get("/health/messages?state=waiting")
    assert "Order taken in" in reader.page
    with town.engine.connect() as conn:
        [send] = list_sends(conn, Sought())
    reader.get(f"/health/messages/{send.id}")
    assert f"evt_{send.event_id}" in reader.page
    assert "Ménard" not in reader.page
    reader.get("/health/messages")
    reader.send("/health/messages/replay", to=str(endpoint), state="delivered", dry="1")
    assert "0 messages would be sent again." in reader.page
    reader.get("/health/endpoints")
    reader.send(f"/{endpoint}/test")
    assert rung.wakes == [Wake("events", endpoint)]
    reader.get("/health/endpoints")
    reader.send(f"/{endpoint}/pause")
    assert "Paused by desk." in reader.page
    reader.send(f"/{endpoint}/resume")
    reader.send(f"/{endpoint}/remove")
    assert "No endpoint yet" in reader.page
    assert reader.get("/health/messages/999999").status_code == 404
