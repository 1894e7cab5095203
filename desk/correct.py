"""The page on which a customer or an address is corrected, with a check of the address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.db.order_views import OrderDetail
from connector.domain.addresses import faults
from connector.domain.errors import Rejected
from connector.domain.text import storable
from connector.flow import correct as story
from desk import entry, show, words
from desk.blueprint import desk, pages
from desk.language import gettext
from desk.orders import carried, read

Typed = dict[str, dict[str, str]]


@pages.get("/orders/<int:order_id>/person")
def person(order_id: int) -> str:
    """Everything of the customer and both addresses, to be changed."""
    detail = read(order_id)
    return _page(detail, _held(detail), _wrong(detail, _held(detail)))


@pages.post("/orders/<int:order_id>/person")
def correct_person(order_id: int) -> Response | tuple[str, int]:
    """Keep what was typed; an address a parcel could not reach is given back with what is wrong."""
    detail = read(order_id)
    typed: Typed = {
        section: {name: storable(request.form.get(f"{section}-{name}", "")).strip()[: story.LONGEST] for name in fields}
        for section, fields in story.FIELDS.items()
    }
    wrong = _wrong(detail, typed) if typed["shipping"] != _held(detail)["shipping"] else {}
    if wrong:
        entry.note_refusal()
        return _page(detail, typed, wrong), 422
    try:
        done = story.correct(desk().engine, desk().seal, order_id, typed, datetime.now(UTC), actor=entry.actor())
    except Rejected as error:
        entry.note_refusal()
        flash(show.rejection(error), "refused")
        return redirect(url_for("desk.person", order_id=order_id, **carried()), 303)  # type: ignore[arg-type]
    desk().ring(done.wakes)
    flash(gettext("Saved.") if done.fields else gettext("Nothing was changed."), "done")
    return redirect(url_for("desk.order", order_id=order_id, **carried()), 303)  # type: ignore[arg-type]


def _held(detail: OrderDetail) -> Typed:
    return {
        section: {name: str((detail.person.get(section) or {}).get(name) or "") for name in fields}
        for section, fields in story.FIELDS.items()
    }


def _wrong(detail: OrderDetail, typed: Typed) -> Mapping[str, str]:
    """Field of the delivery address -> what is wrong with it; nothing for an order nobody sends."""
    if detail.row.handover != "delivery":
        return {}
    found = faults(story.address_of(typed["shipping"]))
    return {f"shipping-{fault.field}": show.fill(words.ADDRESS_FAULTS[fault.code], example=fault.example) for fault in found}


def _page(detail: OrderDetail, typed: Typed, wrong: Mapping[str, str]) -> str:
    return render_template("desk/person.html", order=detail, typed=typed, wrong=wrong, carry=carried(), words=words)
