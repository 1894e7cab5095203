"""The merchant's way in: /install, and each platform's own install addresses under /install/<platform>/<act>.

What a request means is the platform's to say (`connector.installing`); here it is done. Consents are bound to the browser
by a cookie, except where our page stands in a platform's frame, which has no cookie of ours: there a signed word, good for
15 minutes and for one store, is handed to the page itself.

Nothing of a request is logged: it holds codes, keys and signed tokens.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Flask, Response, current_app, g, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as BaseResponse

from connector.db import installs, shop_views
from connector.db import pictures as picture_rows
from connector.domain.errors import ConnectorError, Malformed, NotFound, Rejected
from connector.domain.pictures import MOST_SOURCES
from connector.domain.staff import Role
from connector.flow import install as story
from connector.flow import shops
from connector.flow.wake import Wake
from connector.installing import (
    Ask,
    Consented,
    Deposited,
    Forged,
    Grant,
    Installing,
    Left,
    NotOurs,
    Opened,
    Returned,
    Step,
    UserLeft,
    Visit,
)
from connector.platform import AuthLost, CallError, Platform, Refused, Shop
from desk import entry, frames, install_words, pictures
from desk.blueprint import csrf
from desk.language import gettext
from jobs.environment import Environment, now
from webhooks import install_browser as carried

_LARGEST_BODY_BYTES = 64 * 1024
_DESK = "/orders"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Door:
    """What installing needs."""

    environment: Environment
    wake: Callable[[Iterable[Wake]], None]

    def platform(self, name: str) -> tuple[Platform, Installing]:
        """The platform and its way of installing; NotFound where there is none."""
        platform = self.environment.platforms.get(name)
        if platform is None or platform.install is None:
            raise NotFound("There is no such page.", "Look at the address.")
        return platform, platform.install


def register(app: Flask, environment: Environment, wake: Callable[[Iterable[Wake]], None]) -> None:
    """Put the install pages on `app`."""
    app.extensions["install"] = Door(environment, wake)
    app.register_blueprint(_blueprint())


def _blueprint() -> Blueprint:
    pages = Blueprint(
        "install", __name__, url_prefix="/install", template_folder="templates", static_folder="static", static_url_path="/static"
    )
    pages.add_url_rule("", "index", _index, methods=["GET"])
    pages.add_url_rule("/progress", "progress", _progress, methods=["GET"])
    pages.add_url_rule("/again", "again", _again, methods=["POST"])
    pages.add_url_rule("/linked/<int:shop_id>", "linked", _linked, methods=["GET"])
    pages.add_url_rule("/<platform>/frame/<path:store>", "frame", _framed_again, methods=["GET"])
    pages.add_url_rule("/<platform>/keys", "keys", _keys, methods=["POST"])
    pages.add_url_rule("/<platform>/<act>", "act", _act, methods=["GET", "POST"])
    pages.register_error_handler(ConnectorError, _refused)
    pages.register_error_handler(CSRFError, _foreign_form)
    pages.after_request(carried.shield)
    return pages


# ---------------------------------------------------------------------------------------------------------------------
# Requests


def _index() -> str | BaseResponse | tuple[str, int]:
    """Where a merchant begins: for an owner at the desk, because what is linked here is theirs."""
    at = _door()
    if (kept_out := entry.admit_only(Role.OWNER)) is not None:
        return kept_out
    ways = [(platform, platform.install) for platform in at.environment.platforms.values() if platform.install]
    g.form_targets = _anywhere(at)
    return render_template("install/index.html", ways=ways)


def _anywhere(at: Door) -> str:
    """Where a form may lead that ends in a store, wherever that is."""
    return "'self' https:" + (" http:" if at.environment.settings.allow_private_shops else "")


def _act(platform: str, act: str) -> BaseResponse | tuple[str, int]:
    """A platform's own install address."""
    at = _door()
    known, installing = at.platform(platform)
    if act not in installing.acts:
        raise NotFound("There is no such page.", "Look at the address.")
    visit = Visit(request.method, _query(), _body(), _here(at, platform), now())
    step = installing.acts[act](visit)
    return _DOES[type(step)](at, known, step, visit)


def _query() -> tuple[tuple[str, str], ...]:
    return tuple(request.args.items(multi=True))


def _body() -> bytes:
    if (request.content_length or 0) > _LARGEST_BODY_BYTES:
        raise Malformed("The shop's message cannot be read.", "Begin the installation again.")
    return request.get_data(cache=False)


def _here(at: Door, platform: str) -> str:
    return f"{at.environment.settings.public_url}/install/{platform}"


def _keys(platform: str) -> BaseResponse | tuple[str, int]:
    """Keys typed in by hand: proved against that very store, as any others."""
    csrf.protect()
    if (kept_out := entry.admit_only(Role.OWNER)) is not None:
        return kept_out
    at = _door()
    known, installing = at.platform(platform)
    if not installing.keys:
        raise NotFound("There is no such page.", "Look at the address.")
    typed = {name: request.form.get(name, "") for name in installing.keys}
    external_id, address, credentials = known.open_shop(typed)
    return _link_in_browser(at, known, lambda: Grant(external_id, address, credentials), external_id)


# ---------------------------------------------------------------------------------------------------------------------
# What each step leads to


def _ask(at: Door, platform: Platform, step: Step, visit: Visit) -> BaseResponse | tuple[str, int]:
    """A platform that has an admin of its own asks its merchant there; a shop that may stand anywhere is an owner's to link."""
    assert isinstance(step, Ask)  # noqa: S101
    if step.anywhere and (kept_out := entry.admit_only(Role.OWNER)) is not None:
        return kept_out
    if step.anywhere and request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        g.form_targets = _anywhere(at)
        return Response(render_template("install/leaving.html", store=step.store, query=visit.query), mimetype="text/html")
    browser = carried.browser() or secrets.token_urlsafe(32)
    word = story.begin(at.environment.engine, platform, step.store, browser, visit.now, merchant_id=_begun_by())
    return carried.with_cookie(
        redirect(step.url(carried.states().dumps(word)), 303), browser, secure=at.environment.settings.is_secure
    )


def _consented(at: Door, platform: Platform, step: Step, visit: Visit) -> BaseResponse:
    assert isinstance(step, Consented)  # noqa: S101
    if step.state is None:
        grant = step.grant()
        return _page_in_frame(at, platform, _link(at, platform, grant, None), grant.user.external_id)
    consent = story.use(at.environment.engine, platform, carried.word_in(step.state), carried.browser(), step.store, visit.now)
    shop = _link(at, platform, step.grant(), consent)
    return redirect(url_for("install.linked", shop_id=shop.id), 303)


def _deposited(at: Door, platform: Platform, step: Step, visit: Visit) -> BaseResponse:
    assert isinstance(step, Deposited)  # noqa: S101
    if visit.method != "POST":
        raise Malformed("The shop's message cannot be read.", "Begin the installation again.")
    env = at.environment
    story.deposit(env.engine, env.seal, platform, carried.word_in(step.state), step.options, visit.now)
    return Response("kept\n", 200, mimetype="text/plain")


def _returned(at: Door, platform: Platform, step: Step, visit: Visit) -> BaseResponse:
    """The keys that were laid by are proved against the store this browser asked, and only then is anything linked."""
    assert isinstance(step, Returned)  # noqa: S101
    env = at.environment
    consent = story.use(env.engine, platform, carried.word_in(step.state), carried.browser(), None, visit.now)
    if step.refused:
        raise Rejected("You did not approve the connector.", "Nothing was linked. Begin again if that was a mistake.")
    keys = story.deposited(env.engine, env.seal, consent)
    external_id, address, credentials = platform.open_shop({"url": consent.store, **keys})
    shop = _link(at, platform, Grant(external_id, address, credentials), consent)
    return redirect(url_for("install.linked", shop_id=shop.id), 303)


def _opened(at: Door, platform: Platform, step: Step, visit: Visit) -> BaseResponse:
    assert isinstance(step, Opened)  # noqa: S101
    env = at.environment
    if step.grant is not None and not story.stands(env.engine, platform, step.store):
        shop = _link(at, platform, step.grant(), None)
    else:
        shop = story.opened(env.engine, env.seal, platform, step.store, step.user, step.once, visit.now)
    return _page_in_frame(at, platform, shop, step.user.external_id)


def _left(at: Door, platform: Platform, step: Step, visit: Visit) -> BaseResponse:
    assert isinstance(step, Left)  # noqa: S101
    story.left(at.environment.engine, at.environment.seal, platform, step.store, step.once, visit.now)
    return Response("removed\n", 200, mimetype="text/plain")


def _user_left(at: Door, platform: Platform, step: Step, visit: Visit) -> BaseResponse:
    assert isinstance(step, UserLeft)  # noqa: S101
    story.user_left(at.environment.engine, platform, step.store, step.user, step.once, visit.now)
    return Response("removed\n", 200, mimetype="text/plain")


_DOES: Mapping[type, Callable[[Door, Platform, Step, Visit], BaseResponse | tuple[str, int]]] = {
    Ask: _ask,
    Consented: _consented,
    Deposited: _deposited,
    Returned: _returned,
    Opened: _opened,
    Left: _left,
    UserLeft: _user_left,
}


def _link(at: Door, platform: Platform, grant: Grant, consent: installs.Consent | None) -> Shop:
    env = at.environment
    shop = story.link(env.engine, env.seal, platform, grant, now(), consent, each=env.settings.new_merchants == "each")
    at.wake([Wake("install", shop.id)])
    log.info("a store was linked", shop=shop.id, platform=platform.name)
    return shop


def _begun_by() -> int | None:
    """The merchant whose staff are signed in at this browser."""
    who = entry.arrived()
    return None if who is None or who.unnamed else who.merchant_id


def _link_in_browser(at: Door, platform: Platform, grant: Callable[[], Grant], store: str) -> BaseResponse:
    """Link without a consent elsewhere; the browser may watch how it goes on, as after one."""
    browser = carried.browser() or secrets.token_urlsafe(32)
    word = story.begin(at.environment.engine, platform, store, browser, now(), merchant_id=_begun_by())
    consent = story.use(at.environment.engine, platform, word, browser, store, now())
    shop = _link(at, platform, grant(), consent)
    return carried.with_cookie(
        redirect(url_for("install.linked", shop_id=shop.id), 303), browser, secure=at.environment.settings.is_secure
    )


# ---------------------------------------------------------------------------------------------------------------------
# The page that shows how the linking goes


def _linked(shop_id: int) -> str:
    at = _door()
    if not story.may_watch(at.environment.engine, carried.browser(), shop_id, now()):
        raise Forged("This page is no longer open to you.", carried.OPEN_AGAIN)
    shop = shops.by_id(at.environment.engine, at.environment.seal, shop_id)
    return _page(at, at.environment.platforms[shop.platform], shop)


def _page_in_frame(at: Door, platform: Platform, shop: Shop, user: str) -> Response:
    """The desk, or, until all is done, how the linking goes, with the way from there to the desk."""
    frame = _frame(platform, shop, user)
    with at.environment.engine.connect() as conn:
        linking = any(step.state != "done" for step in installs.steps(conn, shop.id))
    if linking:
        return Response(_page(at, platform, shop, frame), mimetype="text/html")
    return _shell({**frame, "open": _DESK})


def _frame(platform: Platform, shop: Shop, user: str) -> dict[str, object]:
    """What the framed page needs; without a user it must prove by the platform's own token who is there."""
    installing = platform.install or Installing({})
    bridge = installing.bridge
    g.framers = installing.framed_by(shop.external_id)
    pictures.allow(_all_pictures(shop))
    g.scripts = (f"{urlsplit(bridge.script).scheme}://{urlsplit(bridge.script).netloc}",) if bridge else ()
    seat = frames.seat(shop.id, user, now()) if user and bridge is None else None
    again = {name: request.args[name] for name in ("shop", "host", "embedded", "locale") if name in request.args}
    return {
        "bridge": bridge,
        "session": frames.new_session(current_app, seat),
        "here": url_for("install.frame", platform=platform.name, store=shop.external_id, **again),  # type: ignore[arg-type]
        "open": "",
    }


def _all_pictures(shop: Shop) -> list[str]:
    """The framed page shows every page of the desk in itself under its own policy: so those of all the merchant's shops."""
    with _door().environment.of(shop.merchant_id).engine.connect() as conn:
        return picture_rows.origins(conn, MOST_SOURCES)


def _shell(frame: Mapping[str, object]) -> Response:
    return Response(render_template("install/frame.html", frame=frame), mimetype="text/html")


def _framed_again(platform: str, store: str) -> Response:
    """The framed page loaded anew: it holds nothing, and must prove again who is there."""
    at = _door()
    known, _installing = at.platform(platform)
    shop = shops.by_external_id(at.environment.engine, at.environment.seal, platform, store)
    if shop is None:
        raise NotFound("There is no such page.", "Look at the address.")
    return _shell({**_frame(known, shop, ""), "open": _DESK})


def _page(at: Door, platform: Platform, shop: Shop, frame: Mapping[str, object] | None = None) -> str:
    view = carried.views().dumps({"shop": shop.id})
    return render_template("install/linked.html", platform=platform, shop=shop, view=view, frame=frame, **_standing(at, shop.id))


def _standing(at: Door, shop_id: int) -> dict[str, object]:
    env = at.environment
    own = env.of(shops.by_id(env.engine, env.seal, shop_id).merchant_id)
    with own.engine.connect() as conn:
        return {
            "row": shop_views.list_shops(conn, shop_id)[0],
            "steps": installs.steps(conn, shop_id),
            "notices": installs.notices(conn, shop_id),
            "events": installs.events(conn, shop_id),
            "places": shop_views.links(conn, shop_id),
            "words": install_words,
        }


def _progress() -> str:
    """The steps alone, for the page that asks again and again."""
    scheme, _, view = request.headers.get("Authorization", "").partition(" ")
    return render_template("desk/_install_steps.html", **_standing(_door(), carried.viewed(view if scheme == "Bearer" else "")))


def _again() -> BaseResponse:
    """Try what failed once more. The signed word in the form is its protection: no other site's page knows it."""
    at, view = _door(), request.form.get("view", "")
    shop_id = carried.viewed(view)
    with at.environment.engine.begin() as conn:
        installs.retry_steps(conn, shop_id, now())
    at.wake([Wake("install", shop_id)])
    shop = shops.by_id(at.environment.engine, at.environment.seal, shop_id)
    platform = at.environment.platforms[shop.platform]
    g.framers = (platform.install or Installing({})).framed_by(shop.external_id)
    return Response(_page(at, platform, shop), mimetype="text/html")


# ---------------------------------------------------------------------------------------------------------------------
# Refusals


def _refused(error: ConnectorError) -> tuple[Response, int]:
    """The page that says what was refused and what to do. The log has the kind of refusal only."""
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    log.info("an installation was refused", kind=type(error).__name__, status=status)
    message, remedy = (error.message, error.remedy) if not isinstance(error, CallError) else _calls(error)
    if request.method == "POST" and not request.accept_mimetypes.accept_html:
        return Response(f"{message} {remedy}\n", mimetype="text/plain"), status
    page = render_template("install/refused.html", message=gettext(message), remedy=gettext(remedy) if remedy else "")
    return Response(page, mimetype="text/html"), status


def _calls(error: CallError) -> tuple[str, str]:
    """A platform's own words are not shown here: they may repeat what was sent."""
    if isinstance(error, AuthLost):
        return install_words.REMEDIES["auth"], ""
    kind = "refused" if isinstance(error, Refused) else "later"
    return error.message if kind == "refused" else install_words.REMEDIES[kind], error.remedy


_STATUS: tuple[tuple[type[ConnectorError], int], ...] = (
    (Forged, 403),
    (NotFound, 404),
    (NotOurs, 503),
    (AuthLost, 403),
    (Refused, 400),
    (CallError, 503),
    (ConnectorError, 400),
)


def _foreign_form(_error: CSRFError) -> tuple[Response, int]:
    return _refused(Forged("This installation was not begun here.", story.BEGIN_AGAIN))


def _door() -> Door:
    found = current_app.extensions["install"]
    assert isinstance(found, Door)  # noqa: S101
    return found
