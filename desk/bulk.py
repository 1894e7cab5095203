"""Acts on several orders at once: each is judged alone, and has its own line in the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.db import order_views
from connector.db.order_views import OrderDetail
from connector.domain.errors import Rejected
from connector.domain.fulfillment import ENDED, State, Step
from connector.flow import fulfill
from desk import acts, entry, filters, show, words
from desk.blueprint import desk, pages
from desk.language import gettext
from desk.orders import carried

MOST_ORDERS = 100
_PAY = "pay"
_PAPER = {"slips": "slip", "receipts": "receipt", "pick-list": "pick-list"}
_CANCEL = "cancel"
CHOICES = ("start", "pack", "ready", "ship", "pick-up", _PAY, _CANCEL, *_PAPER)


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the answer."""

    order_id: int
    number: str
    customer: str
    message: str
    done: bool


@pages.post("/orders/bulk")
def bulk() -> Response | str | tuple[str, int]:
    """Do one act with every ticked order."""
    ids = _ticked()
    wanted = request.form.get("act", "")
    if wanted not in CHOICES:
        abort(400)
    if not ids:
        return render_template("desk/bulk.html", results=[], carry=carried()), 422
    if wanted in _PAPER:
        here = {"location": carried().get("location"), "size": request.form.get("size")}
        chosen = ",".join(map(str, ids))
        return redirect(url_for("desk.paper", kind=_PAPER[wanted], ids=chosen, **here), 303)  # type: ignore[arg-type]
    tracking = acts.typed("carrier", "tracking_number", "tracking_url")
    if tracking["tracking_url"] and not show.web_link(tracking["tracking_url"]):
        tracking["tracking_url"] = ""
    results = [line for order_id in ids for line in _one(order_id, wanted, tracking)]
    if not any(line.done for line in results):
        entry.note_refusal()
    return render_template("desk/bulk.html", results=results, carry=carried())


def _ticked() -> list[int]:
    found = [int(word) for word in request.form.getlist("order") if word.isascii() and word.isdigit() and len(word) < 19]
    return list(dict.fromkeys(found))[:MOST_ORDERS]


def _one(order_id: int, wanted: str, tracking: dict[str, str]) -> Iterator[Result]:
    with desk().engine.connect() as conn:
        detail = order_views.order_detail(conn, desk().seal, order_id)
    if detail is None:
        yield Result(order_id, str(order_id), "", gettext("The order does not exist, or no longer."), False)
        return
    whole = {_PAY: _paid, _CANCEL: _cancelled}.get(wanted)
    said = [whole(detail)] if whole else _moved(detail, Step(wanted), tracking)
    for message, done in said:
        yield Result(order_id, detail.row.number or detail.row.external_id, detail.row.customer, message, done)


def _moved(detail: OrderDetail, step: Step, tracking: dict[str, str]) -> list[tuple[str, bool]]:
    """Every part that is still to be done, at the chosen location where there is one."""
    location = filters.from_args(request.args, history=False).location_id
    parts = [part for part in detail.row.parts if State(part.state) not in ENDED and location in (None, part.location_id)]
    if not parts:
        return [(gettext("Nothing of this order is still to be done here."), False)]
    said = [acts.moved(detail, part, step, tracking) for part in parts]
    return [(message, category == "done") for message, category in said]


def _cancelled(detail: OrderDetail) -> tuple[str, bool]:
    if not entry.can("operator"):
        return gettext("Operators cancel orders."), False
    return acts.cancelled(detail)


def _paid(detail: OrderDetail) -> tuple[str, bool]:
    if detail.row.owed_minor <= 0:
        return gettext("Nothing is owed."), False
    method = acts.typed("method")["method"]
    try:
        recorded = fulfill.record_payment(
            desk().engine, detail.row.id, datetime.now(UTC), actor=entry.actor(), method=method, reference="", key=""
        )
    except Rejected as error:  # recorded by a colleague in the meantime
        return show.rejection(error), False
    return show.fill(words.RECORDED, amount=show.money(recorded.amount_minor, recorded.currency)), True
