"""The merchant's pages of one shop: how its linking went, and its settings in words."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.db import installs, shop_views
from connector.db.shop_views import ShopRow
from connector.domain.errors import ConnectorError
from connector.domain.settings import Kind, known, value
from connector.domain.text import storable
from connector.flow import linking
from connector.flow import shops as shop_flow
from connector.flow.wake import Wake
from connector.platform import Shop
from desk import entry, install_words, setting_words, show
from desk.blueprint import desk, pages
from desk.language import gettext

_LONGEST_VALUE = 2_000


@pages.get("/shops/<int:shop_id>")
def shop_page(shop_id: int) -> str:
    """One shop: each step of its linking, what its merchant must see to, its places, what happened to it."""
    row = _row(shop_id)
    with desk().engine.connect() as conn:
        return render_template(
            "desk/shop.html",
            row=row,
            steps=installs.steps(conn, shop_id),
            notices=installs.notices(conn, shop_id),
            events=installs.events(conn, shop_id),
            places=shop_views.links(conn, shop_id),
            words=install_words,
        )


@pages.post("/shops/<int:shop_id>/again")
def link_again(shop_id: int) -> Response:
    """Try the steps that failed, or still wait, at once."""
    _row(shop_id)
    with desk().engine.begin() as conn:
        tried = installs.retry_steps(conn, shop_id, datetime.now(UTC))
    desk().ring([Wake("install", shop_id)])
    flash(gettext("It is tried again.") if tried else gettext("Nothing is left to be tried."), "done")
    return redirect(url_for("desk.shop_page", shop_id=shop_id), 303)


@pages.get("/shops/<int:shop_id>/settings")
def shop_settings(shop_id: int) -> str:
    """Every setting of the shop: what it is called, what it does as it stands, and its value to change."""
    return _settings_page(_row(shop_id), {}, "")


@pages.post("/shops/<int:shop_id>/settings")
def change_shop_settings(shop_id: int) -> Response | tuple[str, int]:
    """Change what was typed otherwise, all or nothing."""
    row = _row(shop_id)
    shop = _shop(shop_id)
    given = {setting.name: request.form.get(setting.name) for setting in known(shop.platform)}
    texts = {name: storable(text).strip()[:_LONGEST_VALUE] for name, text in given.items() if text is not None}
    stands = {setting.name: setting_words.typed(setting, value(shop.settings, setting.name)) for setting in known(shop.platform)}
    changed = {name: text for name, text in texts.items() if text != stands[name]}
    try:
        linking.change_settings(desk().engine, desk().platforms[shop.platform], shop, changed, datetime.now(UTC))
    except ConnectorError as error:
        entry.note_refusal()
        return _settings_page(row, texts, show.rejection(error)), 422
    desk().ring([Wake("publish", shop_id)])
    flash(gettext("Saved.") if changed else gettext("Nothing was changed."), "done")
    return redirect(url_for("desk.shop_settings", shop_id=shop_id), 303)


def _settings_page(row: ShopRow, texts: dict[str, str], wrong: str) -> str:
    shop = _shop(row.id)
    rows = [
        (setting, value(shop.settings, setting.name), setting.name in shop.settings, texts.get(setting.name))
        for setting in known(shop.platform)
    ]
    return render_template("desk/shop_settings.html", row=row, rows=rows, wrong=wrong, words=setting_words, Kind=Kind)


def _row(shop_id: int) -> ShopRow:
    with desk().engine.connect() as conn:
        found = shop_views.list_shops(conn, shop_id) if shop_id < 2**63 else []
    return found[0] if found else abort(404)


def _shop(shop_id: int) -> Shop:
    return shop_flow.by_id(desk().engine, desk().seal, shop_id)
