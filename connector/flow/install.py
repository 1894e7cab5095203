"""Installing: from a merchant's consent to a linked shop, and from its removal back, with nothing of its history lost."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from connector.db import installs, merchants, staff
from connector.db import shops as rows
from connector.db.engine import of_merchant
from connector.db.installs import Consent
from connector.db.sealed import Seal
from connector.domain.errors import Rejected
from connector.domain.staff import Role
from connector.flow.linking_steps import CODES
from connector.flow.parting import depart
from connector.flow.shops import by_id
from connector.installing import Forged, Grant, Once, User
from connector.platform import Platform, Shop

CONSENT_GOOD_FOR = timedelta(minutes=10)
_SEEN_FOR = timedelta(hours=24)

# A secret of ours that the store sends back with its webhooks: those made before go on working.
_OUR_OWN = ("webhook_secret",)

BEGIN_AGAIN = "Begin the installation again in this browser, and finish it within ten minutes."


# --- consent ---------------------------------------------------------------------------------------------------------


def begin(engine: Engine, platform: Platform, store: str, browser: str, now: datetime, *, merchant_id: int | None = None) -> str:
    """Remember that this browser asks the merchant of `store` for consent; the one-time word that names it. `merchant_id` is
    whose staff sit at the browser."""
    word = secrets.token_urlsafe(32)
    with engine.begin() as conn:
        installs.keep_consent(
            conn,
            state_hash=_hashed(word),
            platform=platform.name,
            store=store,
            browser_hash=_hashed(browser),
            merchant_id=merchant_id,
            now=now,
            expires_at=now + CONSENT_GOOD_FOR,
        )
    return word


def use(engine: Engine, platform: Platform, word: str, browser: str, store: str | None, now: datetime) -> Consent:
    """The consent named by `word`, which counts now and never again, whatever comes of it.

    Forged where it is unknown, used, over, of another browser, platform or store (`store` None: the caller has no other
    word for the store than the consent itself).
    """
    with engine.begin() as conn:
        consent = installs.lock_consent(conn, _hashed(word))
        if consent is not None and consent.used_at is None:
            installs.use_consent(conn, consent.state_hash, now)
    if consent is None or consent.platform != platform.name:
        raise Forged("This installation was not begun here.", BEGIN_AGAIN)
    if consent.used_at is not None:
        raise Forged("This installation was finished before.", BEGIN_AGAIN)
    if consent.expires_at <= now:
        raise Forged("This installation took longer than ten minutes.", BEGIN_AGAIN)
    if not secrets.compare_digest(consent.browser_hash, _hashed(browser)):
        raise Forged("This installation was begun in another browser.", BEGIN_AGAIN)
    if store is not None and consent.store != store:
        raise Forged("This installation was begun for another store.", BEGIN_AGAIN)
    return consent


def deposit(engine: Engine, seal: Seal, platform: Platform, word: str, options: Mapping[str, str], now: datetime) -> None:
    """Lay keys by that a store's server brought for a consent; nothing is activated by that. Forged where none waits."""
    with engine.begin() as conn:
        consent = installs.lock_consent(conn, _hashed(word))
        if consent is None or consent.platform != platform.name or consent.used_at is not None or consent.expires_at <= now:
            raise Forged("No installation waits for these keys.", BEGIN_AGAIN)
        if consent.sealed_grant is not None:
            raise Forged("Keys were brought for this installation before.", BEGIN_AGAIN)
        installs.deposit(conn, consent.state_hash, seal.seal_json(dict(options)))


def deposited(engine: Engine, seal: Seal, consent: Consent) -> Mapping[str, str]:
    """The keys laid by for a consent, taken away from there; Forged where none came."""
    with engine.begin() as conn:
        held = installs.lock_consent(conn, consent.state_hash)
        installs.deposit(conn, consent.state_hash, None)
    if held is None or held.sealed_grant is None:
        raise Forged("The shop brought no keys.", "Look whether a firewall of the shop's host blocks its calls, or type keys in.")
    found: Mapping[str, str] = seal.open_json(held.sealed_grant)
    return found


def may_watch(engine: Engine, browser: str, shop_id: int, now: datetime) -> bool:
    """Whether this browser linked the shop within the last day."""
    with engine.connect() as conn:
        return bool(browser) and installs.linked_by(conn, _hashed(browser), shop_id, now - _SEEN_FOR)


def once(engine: Engine, platform: Platform, token: Once, now: datetime) -> None:
    """A signed token counts once; Forged the second time."""
    with engine.begin() as conn:
        if not installs.use_token(conn, platform.name, token.token_id, token.expires_at, now):
            raise Forged("This was done before.", "Open the connector again from the store's control panel.")


def _hashed(word: str) -> str:
    return hashlib.sha256(word.encode("utf-8", "replace")).hexdigest()


# --- linking and parting ---------------------------------------------------------------------------------------------


def link(
    engine: Engine,
    seal: Seal,
    platform: Platform,
    grant: Grant,
    now: datetime,
    consent: Consent | None = None,
    *,
    each: bool = False,
) -> Shop:
    """Prove the credentials by a call, then link the store, new or again, and plan the steps that follow.

    A store linked before keeps its address key, settings, orders and stock, and its merchant. Whose a new one is: see `_whose`.
    """
    merchant_id = _whose(engine, platform, grant.external_id, consent, each=each)
    with engine.connect() as conn:
        known = rows.load(conn, seal, platform=platform.name, external_id=grant.external_id)
    kept = {**_still_good(known.credentials if known else {}), **grant.credentials}
    key = known.key if known else secrets.token_hex(16)
    account = platform.check(Shop(0, key, platform.name, "", grant.external_id, grant.address, kept, {}))
    own = of_merchant(engine, merchant_id or _newcomer(engine, grant.external_id, now))
    with own.begin() as conn:
        shop_id = rows.store(
            conn,
            key=key,
            platform=platform.name,
            external_id=grant.external_id,
            name=known.name if known else account.name,
            address=grant.address,
            currency=account.currency,
            sealed_credentials=seal.seal_json(kept),
            now=now,
        )
        installs.note_event(conn, shop_id, "linked_again" if known else "linked", {}, now)
        installs.end_notice(conn, shop_id, installs.RECONNECT, now)
        installs.plan_steps(conn, shop_id, CODES, now)
        _seat(conn, platform, shop_id, grant.user, now)
    if consent is not None:
        with engine.begin() as conn:
            installs.consent_led_to(conn, consent.state_hash, shop_id)
    return by_id(engine, seal, shop_id)


def _whose(engine: Engine, platform: Platform, store: str, consent: Consent | None, *, each: bool) -> int | None:
    """The merchant a store is linked for; None where that is a new one.

    Whose it was; else whose staff began the installation; else, where nobody was signed in, a merchant of its own (`each`) or
    the only merchant there is. Rejected where it was another merchant's, or nobody can say whose it is.
    """
    begun_by = consent.merchant_id if consent else None
    with engine.connect() as conn:
        owner, known = rows.owner(conn, platform.name, store), merchants.ids(conn)
    if owner is not None:
        if begun_by not in (None, owner[1]):
            raise rows.of_another()
        return owner[1]
    if begun_by is not None or each:
        return begun_by
    if len(known) > 1:
        raise Rejected("This store is linked to none of the merchants here.", "Sign in at the desk, and install it from there.")
    return known[0]


def _newcomer(engine: Engine, store: str, now: datetime) -> int:
    """A new merchant, called as its store; the one that a try which did not end has made."""
    with engine.begin() as conn:
        made = merchants.add(conn, store, now)
        return made or next(one.id for one in merchants.everyone(conn) if one.name == store)


def _still_good(credentials: Mapping[str, str]) -> dict[str, str]:
    """What of a former link the new one goes on with: our own secret in the webhooks, and nothing of another app."""
    return {name: value for name, value in credentials.items() if name in _OUR_OWN}


def left(engine: Engine, seal: Seal, platform: Platform, store: str, token: Once, now: datetime) -> None:
    """The platform says that the app was removed. Said before the store was linked again, it counts no more."""
    once(engine, platform, token, now)
    shop_id, own = behind_its_wall(engine, platform, store)
    with own.begin() as conn:
        if shop_id is not None and not installs.relinked_since(conn, shop_id, token.issued_at):
            depart(conn, seal, shop_id, now)


def user_left(engine: Engine, platform: Platform, store: str, user: User, token: Once, now: datetime) -> None:
    """A user may no longer open the connector."""
    once(engine, platform, token, now)
    shop_id, own = behind_its_wall(engine, platform, store)
    with own.begin() as conn:
        if shop_id is not None:
            installs.remove_user(conn, shop_id, user.external_id, now)


def opened(engine: Engine, seal: Seal, platform: Platform, store: str, user: User, token: Once | None, now: datetime) -> Shop:
    """The linked shop a user opens; Forged where it is not linked, or the user was removed after this was signed."""
    if token is not None:
        once(engine, platform, token, now)
    _, own = behind_its_wall(engine, platform, store)
    with own.begin() as conn:
        shop = rows.load(conn, seal, platform=platform.name, external_id=store)
        if shop is None or rows.health(conn, shop.id).state == "uninstalled":
            raise Forged("The connector is not installed in this store.", "Install it from the platform's list of apps.")
        removed = installs.removed_at(conn, shop.id, user.external_id)
        if removed is not None and (token is None or token.issued_at <= removed):
            raise Forged("This user may no longer open the connector.", "The store's owner gives access again.")
        _seat(conn, platform, shop.id, user, now)
    return shop


def _seat(conn: Connection, platform: Platform, shop_id: int, user: User, now: datetime) -> None:
    """A user of the store is here, with leave of the platform: one of the staff from now on, with the role they are given there.

    The store's owner, or who came first where the platform does not say who that is, is an owner; others pick until an owner
    says otherwise.
    """
    if not user.external_id:
        return
    owner = user.owner or not installs.has_owner(conn, shop_id)
    known = installs.staff_of(conn, shop_id, user.external_id)
    installs.see_user(conn, shop_id, user.external_id, owner=owner, now=now)
    if known is None:
        name = f"{platform.title} {user.external_id} ({shop_id})"
        known = staff.add(conn, name, Role.OWNER if owner else Role.PICKER, "")
        installs.be_staff(conn, shop_id, user.external_id, known)


def stands(engine: Engine, platform: Platform, store: str) -> bool:
    """Whether the store was linked by an installation and its access has not been lost: then nothing is exchanged."""
    shop_id, own = behind_its_wall(engine, platform, store)
    with own.connect() as conn:
        return shop_id is not None and rows.health(conn, shop_id).state == "linked" and bool(installs.steps(conn, shop_id))


def behind_its_wall(engine: Engine, platform: Platform, store: str) -> tuple[int | None, Engine]:
    """The id of a platform's store, linked or not any more, and the engine of its merchant; (None, the house's) for none."""
    with engine.connect() as conn:
        found = rows.owner(conn, platform.name, store)
    return (None, engine) if found is None else (found[0], of_merchant(engine, found[1]))
