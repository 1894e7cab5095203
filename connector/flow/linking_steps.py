"""What is done after a store was linked, as a list: each step is a function, may be repeated, and fails alone.

To add a step: write a function (engine, seal, platform, shop, public_url, now) -> what was done, in a few words; give it a line
in STEPS; give its code a title in `desk/install_words.py`. A step that needs a person raises Rejected with the remedy;
it is shown as failed and tried again on the merchant's word. A call error is dealt with by what it means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from connector.db import installs, shop_views
from connector.db import shops as rows
from connector.db.installs import StepRow
from connector.db.sealed import Seal
from connector.domain.errors import ConnectorError
from connector.domain.retry import USUAL, Patience, next_try
from connector.flow import linking, shops
from connector.flow.ingest import Drained
from connector.flow.wake import Wake
from connector.platform import AuthLost, CallError, Platform, Refused, Shop

Run = Callable[[Engine, Seal, Platform, Shop, str, datetime], str]

_LEASE = timedelta(seconds=300)  # a large catalogue is read page by page


@dataclass(frozen=True, slots=True)
class LinkingStep:
    """One step; `code` names it in the database and on the page."""

    code: str
    run: Run


def _webhooks(engine: Engine, seal: Seal, platform: Platform, shop: Shop, public_url: str, now: datetime) -> str:
    topics = platform.subscribe(shop, shops.webhook_url(platform, shop, public_url))
    with engine.begin() as conn:
        rows.merge_credentials(conn, seal, shop.id, topics.secrets)
    return str(len(topics.topics))


def _locations(engine: Engine, seal: Seal, platform: Platform, shop: Shop, public_url: str, now: datetime) -> str:
    linking.read_places(engine, platform, shop)
    with engine.connect() as conn:
        return str(len(shop_views.links(conn, shop.id)))


def _catalogue(engine: Engine, seal: Seal, platform: Platform, shop: Shop, public_url: str, now: datetime) -> str:
    if platform.goods is None:
        return "–"
    found = linking.read_catalogue(engine, platform, shop, now)
    return f"{found.linked} / {found.variants}"


def _settings(engine: Engine, seal: Seal, platform: Platform, shop: Shop, public_url: str, now: datetime) -> str:
    traits = platform.install.traits(shop) if platform.install else {}
    with engine.begin() as conn:
        rows.change_settings(conn, shop.id, {"platform": dict(traits)})
    return ", ".join(sorted(traits))


STEPS: tuple[LinkingStep, ...] = (
    LinkingStep("webhooks", _webhooks),
    LinkingStep("locations", _locations),
    LinkingStep("settings", _settings),
    LinkingStep("catalogue", _catalogue),
)
CODES = tuple(step.code for step in STEPS)
_BY_CODE = {step.code: step for step in STEPS}


def drain(
    engine: Engine,
    seal: Seal,
    platform: Platform,
    shop: Shop,
    now: Callable[[], datetime],
    public_url: str,
    *,
    patience: Patience = USUAL,
) -> Drained:
    """Do every step of the shop that is due. One that fails keeps none of the others from being done."""
    with engine.begin() as conn:
        due = installs.claim_steps(conn, shop.id, now(), until=now() + _LEASE)
    done = sum(_done(engine, seal, platform, shop, step, now, public_url, patience) for step in due)
    # Whatever happened in the store while it was not linked is read by the poll.
    return Drained(done, more=False, wakes=(Wake("poll", shop.id),) if done else ())


def _done(
    engine: Engine,
    seal: Seal,
    platform: Platform,
    shop: Shop,
    step: StepRow,
    now: Callable[[], datetime],
    public_url: str,
    patience: Patience,
) -> bool:
    state, reason, detail, due_at = "done", "", "", now()
    try:
        detail = _BY_CODE[step.code].run(engine, seal, platform, shop, public_url, now()) if step.code in _BY_CODE else ""
    except ConnectorError as error:
        wait = _wait_seconds(error, step.tries, patience)
        state, reason, detail = ("failed" if wait is None else "waiting"), _kind(error), str(error)
        due_at = now() + timedelta(seconds=wait or 0)
    with engine.begin() as conn:
        installs.note_step(conn, shop.id, step.code, state=state, reason=reason, detail=detail, due_at=due_at)
    return state == "done"


def _wait_seconds(error: ConnectorError, tries: int, patience: Patience) -> float | None:
    """How long until the next try; None where a person must do something first."""
    if not _passes(error):
        return None
    asked = error.retry_after_seconds if isinstance(error, CallError) else None
    return next_try(tries + 1, patience.read_waits_seconds, 0.5, asked_seconds=asked, endless=True).seconds


def _passes(error: ConnectorError) -> bool:
    """Whether the trouble may be over by itself."""
    return isinstance(error, CallError) and not isinstance(error, (AuthLost, Refused))


def _kind(error: ConnectorError) -> str:
    """The trouble in a word, for the page: "auth", "refused" or "later"."""
    if isinstance(error, AuthLost):
        return "auth"
    return "later" if _passes(error) else "refused"
