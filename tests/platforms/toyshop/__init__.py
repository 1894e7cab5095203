"""A fourth platform in one folder: a shop whose API is four JSON addresses. The test copies this folder to `platforms/`."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from connector.domain.errors import Malformed, Rejected
from connector.domain.linking import Variant
from connector.domain.orders import Handover, Lifecycle, LineItem, Order, Payment
from connector.installing import App
from connector.platform import (
    Account,
    Announcement,
    CataloguePage,
    Change,
    ChangedPage,
    Delivery,
    Flaw,
    Goods,
    Kind,
    Level,
    OrderPage,
    Outcome,
    Platform,
    RemoteLocation,
    Shop,
    Spot,
    Subscriptions,
    Told,
    Written,
)
from platforms.http import Http


def build(http: Http, *, app: App) -> Platform:
    """The toy shop, calling out through `http`; it needs no registered `app`."""
    return Platform(
        name="toyshop",
        title="Toy shop",
        credentials={"url": "the shop's address", "secret": "what it signs with"},
        shared_address=False,
        open_shop=partial(_open_shop, http),
        shop_named_by=lambda headers: "",
        is_ping=lambda headers, body: False,
        genuine=_genuine,
        parse=_parse,
        normalize=lambda shop, body: None,
        check=lambda shop: Account(shop.external_id, str(_read(http, shop, "shop")["name"]), "EUR"),
        subscribe=lambda shop, url: _subscribed(http, shop, url),
        fetch_order=lambda shop, order_id: _order(_read(http, shop, f"orders/{order_id}")),
        changed_orders=lambda shop, since, cursor: _changed(_read(http, shop, "orders")),
        list_orders=lambda shop, since, until, cursor: OrderPage(tuple(_all_orders(http, shop))),
        count_orders=lambda shop, since, until: len(_read(http, shop, "orders")["orders"]),
        flaws=lambda shop, url: _flaws(http, shop),
        locations=lambda shop: tuple(RemoteLocation(*row) for row in _read(http, shop, "locations")["locations"]),
        announce=partial(_announce, http),
        goods=Goods(
            located=True,
            most=10,
            settles_seconds=0,
            repeatable=False,
            variants=lambda shop, cursor: CataloguePage(tuple(Variant(*row) for row in _read(http, shop, "goods")["goods"])),
            obstacle=lambda shop: "",
            levels=partial(_levels, http),
            publish=partial(_publish, http),
        ),
    )


def _open_shop(http: Http, options: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    if not options.get("url") or not options.get("secret"):
        raise Rejected("The address or the secret is missing.", "Give both.")
    address = http.check_address(options["url"])
    return address, address, {"secret": options["secret"]}


def _genuine(shop: Shop, headers: Mapping[str, str], body: bytes) -> bool:
    expected = hmac.new(shop.credentials["secret"].encode(), body, hashlib.sha256).hexdigest().encode()
    return hmac.compare_digest(headers.get("x-toy-signature", "").encode("utf-8", "replace"), expected)


def _parse(headers: Mapping[str, str], body: bytes) -> Delivery:
    try:
        order_id = json.loads(body)["order"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Malformed("The body names no order.") from None
    return Delivery("order", Kind.ORDER, hashlib.sha256(body).hexdigest(), str(order_id))


def _read(http: Http, shop: Shop, path: str) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = http.call_ok("GET", f"{shop.address}/{path}").json()
    return found


def _subscribed(http: Http, shop: Shop, url: str) -> Subscriptions:
    http.call_ok("PUT", f"{shop.address}/hook", json={"url": url})
    return Subscriptions(("order",))


def _order(found: Mapping[str, object]) -> Order:
    lines = found["lines"]
    assert isinstance(lines, list)
    return Order(
        external_id=str(found["id"]),
        number=f"T{found['id']}",
        placed_at=_moment(found),
        version=_moment(found),
        currency="EUR",
        total_minor=0,
        outstanding_minor=0,
        payment=Payment.PAID,
        lifecycle=Lifecycle.OPEN,
        handover=Handover.DELIVERY,
        lines=tuple(LineItem(variant, variant, units, variant_id=variant) for variant, units in lines),
    )


def _moment(found: Mapping[str, object]) -> datetime:
    return datetime.fromtimestamp(int(str(found["changed"])), UTC)


def _changed(found: Mapping[str, list[list[str]]]) -> ChangedPage:
    return ChangedPage(tuple((str(number), datetime.fromtimestamp(int(at), UTC)) for number, at in found["orders"]))


def _all_orders(http: Http, shop: Shop) -> Iterator[Order]:
    for number, _ in _read(http, shop, "orders")["orders"]:
        yield _order(_read(http, shop, f"orders/{number}"))


def _flaws(http: Http, shop: Shop) -> tuple[Flaw, ...]:
    return () if _read(http, shop, "shop").get("hook", True) else (Flaw("order", "missing"),)


def _announce(http: Http, shop: Shop, told: Announcement) -> Outcome:
    http.call_ok("POST", f"{shop.address}/orders/{told.order_id}/word", json={"word": told.act.value})
    return Outcome(Told.APPLIED, f"The toy shop was told {told.act.value}.")


def _levels(http: Http, shop: Shop, spots: Sequence[Spot]) -> dict[Spot, Level]:
    rows = {Spot(unit, place): Level(int(units)) for unit, place, units in _read(http, shop, "stock")["stock"]}
    return {spot: rows[spot] for spot in spots if spot in rows}


def _publish(http: Http, shop: Shop, key: str, changes: Sequence[Change]) -> dict[Spot, tuple[Written, str]]:
    rows = [[change.spot.unit_id, change.spot.location, change.quantity] for change in changes]
    http.call_ok("PUT", f"{shop.address}/stock", json={"stock": rows})
    return {change.spot: (Written.DONE, "") for change in changes}
