"""The merchant's pages of a shop hang together, and say in words what each setting does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from connector.db import installs
from connector.db.tables import shops
from connector.domain.settings import SETTINGS, Kind, known
from connector.flow import staff as story
from connector.flow.linking_steps import CODES
from desk import setting_words
from tests.desk.conftest import Reader
from tests.desk.seeding import NOW, Town, order
from tests.desk.test_staff import PASSWORD, quick, sign_in

__all__ = ["quick"]


def shop_of(town: Town, platform: str = "shopify") -> int:
    with town.engine.connect() as conn:
        return int(conn.execute(select(shops.c.id).where(shops.c.platform == platform).order_by(shops.c.id)).scalars().first())


def settings_of(town: Town, shop_id: int) -> dict[str, object]:
    with town.engine.connect() as conn:
        return dict(conn.execute(select(shops.c.settings).where(shops.c.id == shop_id)).scalar_one())


def hrefs(page: str) -> set[str]:
    return set(re.findall(r'href="(/[^"#?]*)', page))


def test_an_owner_reaches_every_merchant_page_from_the_menu(reader: Reader, town: Town) -> None:
    shop_id = shop_of(town)
    seen, waiting = set(), {"/orders"}
    while waiting - seen:
        path = sorted(waiting - seen)[0]
        seen.add(path)
        if path.startswith(("/static", "/print", "/stock/", "/install")) or re.match(r"/orders/\d", path):
            continue
        answer = reader.get(path)
        assert answer.status_code == 200, path
        waiting |= hrefs(reader.page)
    pages = {
        "/shops",
        f"/shops/{shop_id}",
        f"/shops/{shop_id}/links",
        f"/shops/{shop_id}/settings",
        "/staff",
        "/health",
        "/install",
    }
    assert pages <= seen


def test_the_steps_of_the_linking_are_shown_with_their_remedy_and_tried_again(reader: Reader, town: Town, rung) -> None:  # type: ignore[no-untyped-def]
    shop_id = shop_of(town)
    with town.engine.begin() as conn:
        installs.plan_steps(conn, shop_id, CODES, NOW)
        installs.note_step(conn, shop_id, CODES[0], state="failed", reason="auth", detail="401", due_at=NOW + timedelta(days=9))
    reader.get(f"/shops/{shop_id}")
    assert f'data-step="{CODES[0]}" data-state="failed"' in reader.page
    assert "The store refuses our access." in reader.page
    assert "It is tried again." in reader.send("/again").get_data(as_text=True)
    with town.engine.connect() as conn:
        assert {step.state for step in installs.steps(conn, shop_id)} == {"waiting"}
    assert [wake.task for wake in rung.wakes] == ["install"]


def test_a_setting_says_what_it_does_and_is_changed(reader: Reader, town: Town) -> None:
    shop_id = shop_of(town)
    reader.get(f"/shops/{shop_id}/settings")
    assert "Orders are packed before they are paid; they leave only once they are paid." in reader.page
    reader.send("/settings", pay_first="yes", stock_buffer="3")
    assert "Saved." in reader.page
    assert "Nobody can begin an order before it is paid in full." in reader.page
    assert "The shop offers 3 fewer of each article than there are." in reader.page
    assert settings_of(town, shop_id) == {"pay_first": True, "stock_buffer": 3}


def test_goods_that_wait_for_a_payment_are_set_aside_when_the_shop_waits_no_more(reader: Reader, town: Town) -> None:
    shop_id = shop_of(town)
    reader.get(f"/shops/{shop_id}/settings")
    assert "Goods are set aside for an order as soon as it comes in." in reader.page
    reader.send("/settings", commit_when="paid")
    assert "Goods are set aside for an order once it is paid; until then others may have them." in reader.page
    town.place(order(("BK-004", 3), paid=False))
    assert "Waits for payment" in reader.get("/orders").get_data(as_text=True)
    reader.get(f"/shops/{shop_id}/settings")
    reader.send("/settings", commit_when="placed")
    assert "Waits for payment" not in reader.get("/orders").get_data(as_text=True)


def test_what_a_setting_cannot_be_changes_none_of_them(reader: Reader, town: Town) -> None:
    shop_id = shop_of(town)
    reader.get(f"/shops/{shop_id}/settings")
    answer = reader.send("/settings", pay_first="yes", stock_buffer="-1")
    assert answer.status_code == 422
    assert "stock_buffer cannot be" in reader.page
    assert 'value="-1"' in reader.page
    assert settings_of(town, shop_id) == {}


def test_every_setting_has_a_title_and_words_for_whatever_it_is() -> None:
    assert set(setting_words.TITLES) == set(SETTINGS)
    values = {
        Kind.YES_NO: (True, False),
        Kind.NAMES: (["a"], []),
        Kind.PLACES: ({"a": "b"}, {}),
        Kind.WHOLE: (2, 0),
        Kind.TEXT: ("x", ""),
    }
    for setting in SETTINGS.values():
        for value in setting.allowed if setting.kind is Kind.CHOICE else values[setting.kind]:
            if value == [] and setting.allowed:
                continue
            assert setting_words.EFFECTS.keys() & {
                (setting.name, value if isinstance(value, bool | str) else ""),
                (setting.name, "" if value else None),
            }, (setting.name, value)
    assert {setting.name for platform in ("shopify", "woocommerce", "bigcommerce") for setting in known(platform)} == set(
        SETTINGS
    )


@pytest.mark.parametrize(("role", "sees"), [("viewer", False), ("picker", False), ("operator", True)])
def test_the_menu_offers_only_what_the_role_may_open(town: Town, reader: Reader, role: str, sees: bool) -> None:
    story.add(town.engine, "Inès", story.Role(role), PASSWORD)
    client: FlaskClient = reader.client
    sign_in(client, "Inès")
    page = reader.get("/orders")
    for path in ("/shops", "/staff"):
        offered = f'href="{path}"' in page.get_data(as_text=True)
        assert offered == (sees and path == "/shops")
        assert (client.get(path).status_code == 200) == offered


def test_an_owner_gives_roles_and_keeps_one_owner(town: Town, reader: Reader) -> None:
    story.add(town.engine, "Odile", story.Role.OWNER, PASSWORD)
    paul = story.add(town.engine, "Paul", story.Role.VIEWER, PASSWORD)
    sign_in(reader.client, "Odile")
    reader.get("/staff")
    reader.send(f"/staff/{paul}/role", role="operator")
    assert "Paul is now: Operator." in reader.page
    odile = re.search(r"/staff/(\d+)/role", reader.page)
    assert odile is not None
    reader.send(f"/staff/{odile[1]}/role", role="viewer")
    assert "This is the only owner." in reader.page
