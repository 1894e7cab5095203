"""A shop's settings in words: what each is called, and what it does as it stands, by name and value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.settings import Kind, Setting
from desk.language import N_, gettext

TITLES: Mapping[str, str] = {
    "report_parts": N_("Telling the shop of divided orders"),
    "pay_first": N_("Payment before preparing"),
    "accept_authorized": N_("Authorized payments"),
    "commit_when": N_("When goods are set aside"),
    "routing": N_("Choosing locations"),
    "oversell": N_("What nobody has in stock"),
    "hold_tags": N_("Tags that hold an order"),
    "publish_stock": N_("Publishing stock"),
    "stock_buffer": N_("Units kept back"),
    "language": N_("Language of the papers"),
    "notify_customer": N_("Shopify's mail on shipping and cancelling"),
    "report_progress": N_("Progress at Shopify"),
    "move_fulfillment_orders": N_("Moving at Shopify"),
    "status_packed": N_("Status once packed"),
    "status_ready": N_("Status once ready for pickup"),
    "status_shipped": N_("Status once shipped"),
    "status_picked_up": N_("Status once picked up"),
    "ready_notice": N_("Words to the customer when ready"),
    "pickup_methods": N_("Shipping methods that are pickups"),
    "pickup_rate_names": N_("Shipping rates that are pickups"),
    "require_signature": N_("Signature of webhooks"),
}
# (name, value): what it does. "" is any value with something in it, and None an empty one.
EFFECTS: Mapping[tuple[str, Any], str] = {
    ("report_parts", "whole"): N_(
        "The shop is told once, when the last part of an order has left. Until then it shows it as open."
    ),
    ("report_parts", "each"): N_("The shop is told of each part as it leaves, and may write to the customer each time."),
    ("pay_first", True): N_("Nobody can begin an order before it is paid in full."),
    ("pay_first", False): N_("Orders are packed before they are paid; they leave only once they are paid."),
    ("accept_authorized", True): N_("Money that is authorized and not yet taken counts as paid."),
    ("accept_authorized", False): N_("Money counts once it was taken; an authorized payment is still owed."),
    ("commit_when", "placed"): N_("Goods are set aside for an order as soon as it comes in."),
    ("commit_when", "paid"): N_("Goods are set aside for an order once it is paid; until then others may have them."),
    ("routing", ""): N_("Locations are tried in this order: {value}."),
    ("oversell", "backorder"): N_("What no location has waits as a backorder until it comes in."),
    ("oversell", "negative"): N_("What no location has is promised all the same, and the figure goes below zero."),
    ("hold_tags", ""): N_("An order with one of these tags keeps its stock and is not packed: {value}."),
    ("hold_tags", None): N_("No tag holds an order."),
    ("publish_stock", True): N_("The shop shows what is available here; a change goes out within seconds."),
    ("publish_stock", False): N_("The shop's own stock figures are left alone."),
    ("stock_buffer", ""): N_("The shop offers {value} fewer of each article than there are."),
    ("stock_buffer", None): N_("The shop offers all that is available."),
    ("language", ""): N_("Slips and receipts of this shop are in this language: {value}."),
    ("language", None): N_("Slips and receipts are in the language of the page they are printed from."),
    ("notify_customer", True): N_("Shopify writes to the customer when an order is shipped, or cancelled from here."),
    ("notify_customer", False): N_("Shopify writes nothing to the customer when an order is shipped, or cancelled from here."),
    ("report_progress", True): N_("Shopify shows an order as in progress once it is packed."),
    ("report_progress", False): N_("Shopify hears of an order when it leaves."),
    ("move_fulfillment_orders", True): N_("What another location sends is moved to that location at Shopify first."),
    ("move_fulfillment_orders", False): N_("Shopify's own choice of location is left as it is."),
    ("status_packed", ""): N_("A packed order gets this status: {value}."),
    ("status_packed", None): N_("The shop hears nothing when an order is packed."),
    ("status_ready", ""): N_("An order that is ready for pickup gets this status: {value}."),
    ("status_ready", None): N_("The status stays as it is when an order is ready for pickup."),
    ("status_shipped", ""): N_("A shipped order gets this status: {value}."),
    ("status_shipped", None): N_("A shipped order is completed."),
    ("status_picked_up", ""): N_("An order that was picked up gets this status: {value}."),
    ("status_picked_up", None): N_("An order that was picked up is completed."),
    ("ready_notice", ""): N_("The customer reads: {value}"),
    ("ready_notice", None): N_("The customer is told nothing by the shop."),
    ("pickup_methods", ""): N_("These are collected in the shop: {value}."),
    ("pickup_methods", None): N_("Only WooCommerce's own pickup counts as collected in the shop."),
    ("pickup_rate_names", ""): N_("Orders with these rates are collected in the shop: {value}."),
    ("pickup_rate_names", None): N_("Every order is sent."),
    ("require_signature", True): N_("Webhooks without BigCommerce's signature are refused."),
    ("require_signature", False): N_("Webhooks need our own secret word; a signature is checked where there is one."),
}
_YES_NO = {True: "yes", False: "no"}


def title(setting: Setting) -> str:
    """What the setting is called."""
    return gettext(TITLES[setting.name]) if setting.name in TITLES else setting.name


def effect(setting: Setting, value: Any) -> str:
    """What the setting does as it stands; its meaning where it has no words here."""
    kinds = (value,) if isinstance(value, bool) else (value, "") if isinstance(value, str) and value else ("" if value else None,)
    found = next((EFFECTS[setting.name, kind] for kind in kinds if (setting.name, kind) in EFFECTS), None)
    return gettext(found).format_map({"value": typed(setting, value)}) if found else setting.meaning


def typed(setting: Setting, value: Any) -> str:
    """The value as a person types it."""
    if setting.kind is Kind.YES_NO:
        return _YES_NO[bool(value)]
    if setting.kind is Kind.PLACES:
        return ", ".join(f"{method}={place}" for method, place in value.items())
    return ", ".join(value) if setting.kind is Kind.NAMES else str(value)
