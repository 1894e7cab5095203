"""A merchant's choices: what may be typed, what counts where something else stands, which shop has which."""

from __future__ import annotations

from typing import Any

import pytest

from connector.domain.errors import Rejected
from connector.domain.needs import DEFAULT_ROUTING
from connector.domain.settings import SETTINGS, known, parsed, pickup_places, value


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("pay_first", " Yes ", True), ("pay_first", "true", True), ("pay_first", "on", True), ("pay_first", "1", True),
        ("pay_first", "no", False), ("pay_first", "FALSE", False), ("pay_first", "off", False), ("pay_first", "0", False),
        ("report_parts", "each", "each"), ("oversell", "negative", "negative"), ("oversell", "backorder", "backorder"),
        ("stock_buffer", " 0 ", 0), ("stock_buffer", "1000000", 1_000_000),
        ("hold_tags", "vip, ,check ,", ["vip", "check"]), ("hold_tags", "", []), ("hold_tags", "a,a", ["a", "a"]),
        ("routing", "nearest, fewest_parts", ["nearest", "fewest_parts"]),
        ("status_packed", "x" * 2000, "x" * 2000),
        ("pickup_methods", "local_pickup:3 = Quay, , other=Depot", {"local_pickup:3": "Quay", "other": "Depot"}),
        ("pickup_methods", "", {}),
    ],
)  # fmt: skip
def test_what_is_typed_becomes_a_value(name: str, text: str, wanted: Any) -> None:
    assert SETTINGS[name].parse(text) == wanted


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("pay_first", "perhaps", "pay_first cannot be 'perhaps'. It is yes or no."),
        ("report_parts", "some", "report_parts cannot be 'some'. It is one of whole, each."),
        ("report_parts", "", "report_parts cannot be ''. It is one of whole, each."),
        ("stock_buffer", "-1", "stock_buffer cannot be '-1'. It is a whole number."),
        ("stock_buffer", "1000001", "stock_buffer cannot be '1000001'. It is a whole number."),
        ("stock_buffer", "٣", "stock_buffer cannot be '٣'. It is a whole number."),
        ("stock_buffer", "1.5", "stock_buffer cannot be '1.5'. It is a whole number."),
        ("status_packed", "x" * 2001, f"status_packed cannot be '{'x' * 60}'. It is text."),
        ("status_packed", "a\x00b", "status_packed cannot be 'a\\x00b'. It is text."),
        ("routing", "nearest,nearest", "routing cannot be 'nearest,nearest'. It is some of, each once, priority, nearest"),
        ("routing", "by_smell", "routing cannot be 'by_smell'. It is some of, each once, priority, nearest, least_loaded, "),
        ("pickup_methods", "a", "pickup_methods cannot be 'a'. It is method=place pairs, divided by commas."),
        ("pickup_methods", "a=", "pickup_methods cannot be 'a='. It is method=place pairs, divided by commas."),
        ("pickup_methods", "=b", "pickup_methods cannot be '=b'. It is method=place pairs, divided by commas."),
        ("pickup_methods", "a=b,c", "pickup_methods cannot be 'a=b,c'. It is method=place pairs, divided by commas."),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_what_may_be_chosen(name: str, text: str, says: str) -> None:
    with pytest.raises(Rejected) as refused:
        SETTINGS[name].parse(text)
    assert str(refused.value).startswith(says)


def test_the_choice_counts_and_the_default_where_there_is_none_or_no_such_value() -> None:
    assert value({}, "report_parts") == "whole"
    assert value({"report_parts": "each"}, "report_parts") == "each"
    assert value({"report_parts": 3}, "report_parts") == "whole"
    assert value({"routing": ("nearest",)}, "routing") == ("nearest",)
    assert value({}, "routing") == list(DEFAULT_ROUTING)
    assert value({"pay_first": "yes"}, "pay_first") is False
    assert value({"pay_first": True}, "pay_first") is True
    assert value({"stock_buffer": 4}, "stock_buffer") == 4
    assert value({"pickup_methods": {"a": "b"}}, "pickup_methods") == {"a": "b"}


def test_every_setting_has_a_meaning_and_its_default_is_a_value_of_its_kind() -> None:
    for name, setting in SETTINGS.items():
        assert setting.name == name
        assert setting.meaning.endswith(".")
        assert value({}, name) == setting.default
        assert not setting.allowed or setting.default in setting.allowed or set(setting.default) <= set(setting.allowed)


def test_each_platform_has_its_own_and_the_common_ones() -> None:
    names = {platform: {setting.name for setting in known(platform)} for platform in ("shopify", "woocommerce", "bigcommerce")}
    common = set.intersection(*names.values())
    assert common == {
        "report_parts", "commit_when", "pay_first", "accept_authorized", "routing", "oversell", "hold_tags", "publish_stock",
        "stock_buffer", "language",
    }  # fmt: skip
    assert names["shopify"] - common == {"notify_customer", "report_progress", "move_fulfillment_orders"}
    assert names["bigcommerce"] - common == {"pickup_rate_names", "require_signature"}
    assert names["woocommerce"] - common == {
        "status_packed", "status_ready", "status_shipped", "status_picked_up", "ready_notice", "pickup_methods"
    }  # fmt: skip
    assert {setting.name for setting in known("toy")} == common


def test_only_what_a_shop_has_can_be_set() -> None:
    assert parsed("shopify", "notify_customer", "no") is False
    with pytest.raises(Rejected) as refused:
        parsed("woocommerce", "notify_customer", "no")
    assert refused.value.message == "There is no setting 'notify_customer' for this shop."
    assert refused.value.remedy.startswith("There are report_parts, commit_when, pay_first, ")
    with pytest.raises(Rejected, match=f"'{'x' * 60}'"):
        parsed("shopify", "x" * 61, "no")


def test_the_places_customers_collect_at_are_those_the_settings_name() -> None:
    chosen = {"pickup_methods": {"a": "Quay", "b": "Depot", "c": "Quay"}, "pickup_rate_names": ["In store"], "hold_tags": []}
    assert pickup_places("woocommerce", chosen) == ["Depot", "Quay"]
    assert pickup_places("bigcommerce", chosen) == ["In store"]
    assert pickup_places("bigcommerce", {}) == ["Pickup in Store"]
    assert pickup_places("shopify", chosen) == []


@pytest.mark.parametrize(
    ("name", "default"),
    [("pay_first", False), ("accept_authorized", False), ("oversell", "backorder"), ("publish_stock", False),
     ("stock_buffer", 0), ("notify_customer", True), ("report_progress", False), ("require_signature", False),
     ("ready_notice", "Your order {number} is ready for pickup at {location}."), ("status_shipped", "")],
)  # fmt: skip
def test_defaults(name: str, default: Any) -> None:
    assert SETTINGS[name].default == default
