"""What happened here, in WooCommerce's words. The table below is the whole of it; a row is an act.

WooCommerce has no word for packed, ready or partly shipped. A merchant whose shop has statuses of its own names them in
the shop's settings (`status_packed`, `status_ready`, `status_shipped`, `status_picked_up`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.domain.settings import SETTINGS, value
from connector.platform import Act, Announcement, Outcome, Refused, Shop, Told
from platforms.http import Http
from platforms.woocommerce.client import Unfit, write
from platforms.woocommerce.orders import find
from platforms.woocommerce.tracking import META_KEY, ensure_note, ensure_tracking, with_shipment


@dataclass(frozen=True, slots=True)
class _Row:
    """What an act writes. `status`: with the last part, unless the `setting` names another; `notice`: our note, mailed to
    the customer; `leaves`: goods leave, so the part and its tracking are recorded."""

    setting: str
    status: str = ""
    notice: bool = False
    leaves: bool = False


ROWS = {
    Act.PACKED: _Row("status_packed"),
    Act.READY: _Row("status_ready", notice=True),
    Act.SHIPPED: _Row("status_shipped", status="completed", leaves=True),
    Act.PICKED_UP: _Row("status_picked_up", status="completed", leaves=True),
}

# These mean more than anything we could say. Any status can be set from any other, so it is we who must not (10.5.0).
_MEAN_MORE = frozenset({"cancelled", "refunded", "failed", "trash", "checkout-draft", "auto-draft"})
_STOCK_TAKEN = frozenset({"processing", "on-hold"})
_NO_WORD = "WooCommerce has no word for {act}; the shop's setting {setting} can name a status of its own."
_NOT_ALL = "The status {status} is told once every part is {act}."


@dataclass(frozen=True, slots=True)
class _Done:
    """What was written, in words; or, where something was not written, how that ends and why."""

    written: tuple[str, ...] = ()
    otherwise: Told = Told.ALREADY
    why: str = ""


def announce(http: Http, shop: Shop, announcement: Announcement) -> Outcome:
    """Read the order; already so? done; else write what its row says. What stands is never written again."""
    if (special := _SPECIAL.get(announcement.act)) is not None:
        return special(http, shop, announcement)
    row = ROWS[announcement.act]
    custom = str(value(shop.settings, row.setting) or "")
    if not (row.status or row.notice or (custom and announcement.last)):
        why = _NOT_ALL if custom else _NO_WORD
        return Outcome(Told.UNSUPPORTED, why.format(act=announcement.act.value, setting=row.setting, status=custom))
    order = find(http, shop, announcement.order_id)
    if order is None:
        return Outcome(Told.WITHHELD, "The order no longer exists in the shop.")
    status = str(order.get("status", ""))
    if status in _MEAN_MORE:
        return Outcome(Told.WITHHELD, f"The shop says {status}, which is not overwritten.")
    if status == "completed" and not row.leaves:
        return Outcome(Told.ALREADY, "The shop says completed already.")
    return _outcome(status, _write_row(http, shop, announcement, row, custom, order))


def _taken_back(http: Http, shop: Shop, announcement: Announcement) -> Outcome:
    """An order we called completed is processing again; its stock stays taken by that move (10.5.0)."""
    order = find(http, shop, announcement.order_id)
    status = str(order.get("status", "")) if order is not None else ""
    if status in _MEAN_MORE or order is None:
        return Outcome(Told.WITHHELD, f"The shop says {status or 'that there is no such order'}, which is not overwritten.")
    if status != "completed":
        return Outcome(Told.ALREADY, f"The shop says {status}: it did not count the order as handed over.")
    write(http, shop, "PUT", f"orders/{announcement.order_id}", {"status": "processing"})
    return Outcome(Told.APPLIED, "The status is processing again.")


def _cancelled(http: Http, shop: Shop, announcement: Announcement) -> Outcome:
    """The status is the cancelling: WooCommerce puts the stock back by itself, and gives no money back (10.5.0)."""
    order = find(http, shop, announcement.order_id)
    status = str(order.get("status", "")) if order is not None else "trash"
    if status == "cancelled":
        return Outcome(Told.ALREADY, "The shop says cancelled already.")
    if status in _MEAN_MORE or status == "completed":
        return Outcome(Told.WITHHELD, f"The shop says {status}, which is not overwritten: decide there.")
    write(http, shop, "PUT", f"orders/{announcement.order_id}", {"status": "cancelled"})
    return Outcome(Told.APPLIED, "The status is cancelled. Money that was paid is given back in the shop's admin.")


_SPECIAL: Mapping[Act, Callable[[Http, Shop, Announcement], Outcome]] = {
    Act.TAKEN_BACK: _taken_back,
    Act.CANCELLED: _cancelled,
}


def _outcome(status: str, done: _Done) -> Outcome:
    said = "; ".join(filter(None, (*done.written, done.why)))
    if status == "completed":
        return Outcome(Told.ALREADY, f"The shop said completed already{'; ' + said if said else ''}.")
    if done.written:
        return Outcome(Told.APPLIED, f"Done: {said}.")
    return Outcome(done.otherwise, f"Nothing was written: {said or 'all of it stood in the shop already'}.")


def _write_row(http: Http, shop: Shop, announcement: Announcement, row: _Row, custom: str, order: Mapping[str, Any]) -> _Done:
    """Write what is missing: note or tracking first, the part that left and the status together at the end."""
    written: list[str] = []
    if row.notice and ensure_note(http, shop, announcement.order_id, _notice(shop, announcement)):
        written.append("the customer was told by a note")
    if row.leaves and (tracked := ensure_tracking(http, shop, announcement)):
        written.append(tracked)
    shipments = with_shipment(order, announcement) if row.leaves else None
    changes: dict[str, Any] = {"meta_data": [{"key": META_KEY, "value": shipments}]} if shipments else {}
    status = str(order.get("status", ""))
    wanted = (custom or row.status) if announcement.last else ""
    if wanted in ("", status) or status == "completed":
        last = _write_order(http, shop, announcement.order_id, changes, "", row)
    elif not row.leaves and status not in _STOCK_TAKEN:
        # A status of the shop's own takes no stock, and after a later word packed or ready would say less (10.5.0).
        last = _Done((), Told.WITHHELD, f"the status stays {status}")
    else:
        last = _write_order(http, shop, announcement.order_id, changes, wanted, row)
    return _Done((*written, *last.written), last.otherwise, last.why)


def _write_order(http: Http, shop: Shop, order_id: str, changes: dict[str, Any], status: str, row: _Row) -> _Done:
    """One PUT of the meta data and the status; a status the shop does not know is replaced by the row's own."""
    if not (changes or status):
        return _Done()
    try:
        answer = write(http, shop, "PUT", f"orders/{order_id}", {**changes, **({"status": status} if status else {})})
    except Unfit as error:
        if "status" not in error.fields or status == row.status:
            raise
        instead = _write_order(http, shop, order_id, changes, row.status, row)
        why = f"the shop knows no status {status!r}: correct the setting {row.setting}"
        return _Done(instead.written, Told.UNSUPPORTED, why)
    if status and answer.get("status") != status:
        raise Refused(f"The shop took the change and kept the status {answer.get('status')}.", "Ask which plugin holds it.")
    return _Done((f"the status is {status}" if status else "the part that left was noted in the order",))


def _notice(shop: Shop, announcement: Announcement) -> str:
    """The merchant's own words (`ready_notice`, with {number} and {location}) or ours."""
    text = str(value(shop.settings, "ready_notice") or SETTINGS["ready_notice"].default)
    return text.replace("{number}", announcement.number).replace("{location}", announcement.location_name)
