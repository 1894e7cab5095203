"""Cancelling an order at Shopify: asked where nothing stands against it, and believed only when the order itself says so.

`orderCancel` answers with a job that runs later (schema 2026-10). Whatever the answer was, the order's own `cancelledAt`
decides; so an answer that was lost is healed by the next attempt, which reads first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from connector.domain.settings import value
from connector.platform import Announcement, AuthLost, NotYet, Outcome, Refused, Retryable, Shop, Told
from platforms.http import Http
from platforms.shopify import documents
from platforms.shopify.client import UserErrors, ask, tell
from platforms.shopify.reading import TO_CANCEL, may_cancel, read_told

# Waited in place for the job, which mostly ends within a second; then it is read again by a later attempt.
_PAUSES_SECONDS = (0.5, 1.0, 1.5, 2.0)
_LATER_SECONDS = 15.0

_NOTE = "Cancelled by the order connector. No money was given back."
_DONE = "Shopify cancelled the order and put its stock back. Money that was paid is given back in Shopify's admin."
_NOT_GRANTED = (
    f"The store has not granted the permission {TO_CANCEL}, so it was not told. Open the app in Shopify's admin and approve it "
    "(an app of your own: grant it there, and link the shop again), then ask again; or cancel the order in Shopify's admin."
)


def cancel(http: Http, shop: Shop, told: Announcement) -> Outcome:
    """Ask Shopify to cancel the whole order, without a refund; raises the four call errors, NotYet while its job runs."""
    found = read_told(http, shop, told)
    if ended := _ended(found, by_us=False):
        return ended
    notify = value(shop.settings, "notify_customer") is True
    try:
        job = tell(http, shop, documents.CANCEL, id=found["id"], notify=notify, note=_NOTE)["job"]
    except UserErrors as error:
        return _refused(http, shop, told, error)
    except AuthLost:
        if may_cancel(http, shop):
            raise
        return Outcome(Told.WITHHELD, _NOT_GRANTED)
    return _after(http, shop, told, done=_waited_for(http, shop, job))


def _ended(found: Mapping[str, Any], *, by_us: bool) -> Outcome | None:
    """How it ends for an order that stands so; None where nothing is decided: it can still be cancelled."""
    if found["cancelledAt"]:
        return Outcome(Told.APPLIED, _DONE) if by_us else Outcome(Told.ALREADY, "Shopify shows the order as cancelled already.")
    if any(found["fulfilled"].values()):
        remedy = "Cancel the fulfillment there first, then ask again, or refund it in Shopify's admin."
        return Outcome(Told.WITHHELD, f"Something of the order is fulfilled in Shopify, so it is not cancelled. {remedy}")
    if found["displayFinancialStatus"] == "REFUNDED":
        return Outcome(Told.WITHHELD, "Shopify shows the order as refunded, so it was not told. Cancel it in Shopify's admin.")
    return None


def _refused(http: Http, shop: Shop, told: Announcement, error: UserErrors) -> Outcome:
    """Shopify said no: because the order has changed since it was read, or for a reason only a person can end."""
    if ended := _ended(read_told(http, shop, told), by_us=False):
        return ended
    if "INTERNAL_ERROR" in error.codes:
        raise Retryable(error.message, "It is tried again by itself.", effect_unknown=True) from error
    raise error


def _waited_for(http: Http, shop: Shop, job: Mapping[str, Any] | None) -> bool:
    """Whether the job has ended, within the pauses."""
    for pause in _PAUSES_SECONDS:
        if job is None or job["done"]:
            break
        time.sleep(pause)
        job = ask(http, shop, documents.JOB, id=job["id"])["job"]
    return job is not None and bool(job["done"])


def _after(http: Http, shop: Shop, told: Announcement, *, done: bool) -> Outcome:
    """What the order says, whatever its job does."""
    if ended := _ended(read_told(http, shop, told), by_us=True):
        return ended
    if done:
        raise Refused("Shopify's job has ended, and the order is not cancelled.", "Cancel it in Shopify's admin, or replay.")
    raise NotYet(
        "Shopify has not cancelled the order yet.",
        "It is read again by itself.",
        retry_after_seconds=_LATER_SECONDS,
        effect_unknown=True,
    )
