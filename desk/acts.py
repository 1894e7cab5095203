"""What a person does on an order's page: each act is a form, answered by the page as it then stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from connector.db.order_views import OrderDetail, Part
from connector.domain.errors import Rejected
from connector.domain.fulfillment import Step, refusal
from connector.domain.text import storable
from connector.flow import cancel, fulfill
from connector.platform import Tracking
from desk import entry, show, words
from desk.amounts import parse_amount
from desk.blueprint import desk, pages
from desk.language import gettext
from desk.orders import carried, order_page, read
from desk.work import done_already, standing

_LONGEST = {"carrier": 100, "tracking_number": 200, "tracking_url": 2000, "method": 100, "reference": 200, "key": 64}

Answer = Response | tuple[str, int]


@pages.post("/orders/<int:order_id>/parts/<int:part_id>/<step>")
def act(order_id: int, part_id: int, step: str) -> Answer:
    """Move one part; what is not possible now is answered with what is missing."""
    detail = read(order_id)
    part = next((part for part in detail.row.parts if part.id == part_id), None) or abort(404)
    wanted = Step(step) if step in set(Step) else abort(404)
    form = typed("carrier", "tracking_number", "tracking_url")
    if form["tracking_url"] and not show.web_link(form["tracking_url"]):
        wrong = {"part": str(part.id), "tracking_url": gettext("This is no web address. It begins with https://.")}
        return order_page(detail, typed=form, wrong=wrong), 422
    flash(*moved(detail, part, wanted, form))
    return _back(order_id)


@pages.post("/orders/<int:order_id>/payments")
def pay(order_id: int) -> Answer:
    """Note a payment that was taken elsewhere."""
    detail = read(order_id)
    form = typed("amount", "method", "reference", "key")
    amount = parse_amount(form["amount"], detail.row.currency)
    wrong = _wrong_amount(amount, detail)
    if amount is None or wrong:
        return order_page(detail, typed=form, wrong={"amount": wrong}), 422
    flash(*_recorded(detail, amount, form))
    return _back(order_id)


@pages.post("/orders/<int:order_id>/cancel")
def cancel_order(order_id: int) -> Response:
    """Ask the shop to cancel the order."""
    message, done = cancelled(read(order_id))
    flash(message, "done" if done else "refused")
    return _back(order_id)


def cancelled(detail: OrderDetail) -> tuple[str, bool]:
    """Ask for it; the message, and whether it was asked."""
    possible = desk().cancels(detail.row.platform)
    try:
        wakes = cancel.cancel(desk().engine, detail.row.id, datetime.now(UTC), actor=entry.actor(), possible=possible)
    except Rejected as error:
        entry.note_refusal()
        return show.rejection(error), False
    desk().ring(wakes)
    return gettext(
        "The shop is asked to cancel it. Stock comes back when it has. Money that was paid is given back in the shop's own admin."
    ), True


def moved(detail: OrderDetail, part: Part, step: Step, typed: Mapping[str, str]) -> tuple[str, str]:
    """Do it; the message and its category."""
    reason = refusal(step, standing(detail, part))
    if reason is not None:
        return _not_moved(show.refusal(reason, step, detail, part.state), detail, part, step)
    tracking = Tracking(typed["tracking_number"], typed["carrier"], typed["tracking_url"]) if step is Step.SHIP else None
    try:
        done = fulfill.move(desk().engine, part.id, step, datetime.now(UTC), actor=entry.actor(), tracking=tracking)
    except Rejected as error:  # someone else was quicker: what the page was built from is no longer so
        return _not_moved(str(error), detail, part, step)
    desk().ring(done.wakes)
    return _about(words.DONE[step], detail, part), "done"


def _not_moved(why: str, detail: OrderDetail, part: Part, step: Step) -> tuple[str, str]:
    if done_already(step, part.state):
        return _about(words.DONE_ALREADY, detail, part), "done"
    entry.note_refusal()
    return why, "refused"


def _about(sentence: str, detail: OrderDetail, part: Part) -> str:
    return show.fill(sentence, number=detail.row.number, location=part.location)


def _wrong_amount(amount: int | None, detail: OrderDetail) -> str:
    if amount is None or amount == 0:
        return gettext(
            "This is no amount of money. Write it like %(example)s.", example=show.typed_amount(1250, detail.row.currency)
        )
    if amount > detail.row.owed_minor:
        owed = show.money(detail.row.owed_minor, detail.row.currency)
        return gettext("That is more than the %(owed)s still owed.", owed=owed)
    return ""


def _recorded(detail: OrderDetail, amount: int, typed: Mapping[str, str]) -> tuple[str, str]:
    try:
        recorded = fulfill.record_payment(
            desk().engine,
            detail.row.id,
            datetime.now(UTC),
            actor=entry.actor(),
            amount_minor=amount,
            method=typed["method"],
            reference=typed["reference"],
            key=f"desk:{typed['key']}" if typed["key"] else "",
        )
    except Rejected as error:
        return str(error), "refused"
    return show.fill(words.RECORDED, amount=show.money(recorded.amount_minor, recorded.currency)), "done"


def typed(*fields: str) -> dict[str, str]:
    """These fields of the form, as they may be stored."""
    return {name: storable(request.form.get(name, "")).strip()[: _LONGEST.get(name, 100)] for name in fields}


def _back(order_id: int) -> Response:
    return redirect(url_for("desk.order", order_id=order_id, **carried()), 303)  # type: ignore[arg-type]
