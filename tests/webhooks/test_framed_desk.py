"""Who gets into the desk through a platform's admin, by what proof, with which role, and for how long. No browser here."""

from __future__ import annotations

import html
import re
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
import time_machine
from sqlalchemy import select

from connector.db import merchants
from connector.db.tables import shop_users, shops, staff
from connector.domain.staff import Role
from connector.flow import staff as story
from desk import frames
from jobs.environment import now
from sandbox.bigcommerce import install as bigcommerce
from sandbox.shopify import install as shopify
from tests.desk.test_pictures import picture
from tests.webhooks.town import Browser, Town, town

_ORDERS = "/orders"


@pytest.fixture
def place(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Town]:
    with town(tmp_path, database_url, redis_url) as built:
        yield built


def opened(place: Town, platform: str, user: int | None = None) -> str:
    """Install the app if it is not, open it as this user; the session the framed page begins with."""
    browser = Browser()
    admin = {"shopify": "/shopify/admin", "bigcommerce": "/bigcommerce/manage"}[platform]
    browser.open(place.shops_at + admin)
    if "not installed" in browser.page.text:
        browser.submit()
    else:
        browser.open(f"{place.shops_at}/bigcommerce/manage/app?user={user}" if user else browser.link("Open the connector"))
    page = browser.open(browser.frame())
    assert page.status_code == 200, page.text
    assert not page.cookies
    return html.unescape(re.search(r'data-session="([^"]*)"', page.text)[1])  # type: ignore[index]


def ask(place: Town, session: str, token: str = "", path: str = _ORDERS) -> requests.Response:
    """As the framed page's script asks."""
    headers = {frames.SESSION: session, "Accept": "text/html"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return requests.get(place.base + path, headers=headers, timeout=10, allow_redirects=False)


WRONG: dict[str, Callable[[], dict[str, Any]]] = {
    "another audience": lambda: {"aud": "another-client"},
    "another store": lambda: {"dest": "https://other.myshopify.com", "iss": "https://other.myshopify.com/admin"},
    "issuer and store differ": lambda: {"iss": "https://other.myshopify.com/admin"},
    "over": lambda: {"exp": int(time.time()) - 60},
    "not yet": lambda: {"nbf": int(time.time()) + 60},
    "a user nobody has seen": lambda: {"sub": "4711"},
}


def test_shopifys_token_opens_the_desk_and_an_unsound_one_does_not(place: Town) -> None:
    session = opened(place, "shopify")
    answer = ask(place, session, shopify.id_token())
    assert answer.status_code == 200
    assert answer.headers["X-Frame-Options"] == "DENY"  # only the small page around it may be framed
    assert "Set-Cookie" not in answer.headers
    for wrong, claims in WRONG.items():
        assert ask(place, session, shopify.id_token(**claims())).status_code == 401, wrong
    sound = jwt.decode(shopify.id_token(), options={"verify_signature": False})
    for unsigned in (
        jwt.encode(sound, "", algorithm="none"),
        jwt.encode(sound, "another secret of enough bytes, here", algorithm="HS256"),
    ):
        assert ask(place, session, unsigned).status_code == 401
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jwt.warnings.InsecureKeyLengthWarning)  # the right secret, by another rule
        other_rule = jwt.encode(sound, shopify._SECRET, algorithm="HS512")
    assert ask(place, session, other_rule).status_code == 401
    assert ask(place, session).status_code == 401  # the session alone holds nobody


def test_bigcommerces_answer_opens_the_desk_for_a_quarter_of_an_hour_and_longer_by_use(place: Town) -> None:
    session = opened(place, "bigcommerce")
    with time_machine.travel(time.time(), tick=False) as clock:
        assert ask(place, session).status_code == 200
        clock.shift(timedelta(minutes=14))
        renewed = ask(place, session).headers[frames.SESSION]
        clock.shift(timedelta(minutes=2))
        assert ask(place, session).status_code == 401
        assert ask(place, renewed).status_code == 200
        assert ask(place, renewed[:-2] + "xx").status_code == 401
        for _ in range(60):  # by use, but not for ever
            clock.shift(timedelta(minutes=13))
            renewed = ask(place, renewed).headers.get(frames.SESSION, renewed)
        assert ask(place, renewed).status_code == 401


def test_a_session_of_a_frame_is_no_cookie_and_a_cookie_no_session_of_a_frame(place: Town) -> None:
    session = opened(place, "bigcommerce")
    story.add(place.engine, "Odile", Role.OWNER, "correct horse battery")
    assert requests.get(place.base + _ORDERS, cookies={"session": session}, timeout=10, allow_redirects=False).status_code == 302
    browser = requests.Session()
    token = re.search(r'csrf_token" value="([^"]+)"', browser.get(f"{place.base}/sign-in", timeout=10).text)[1]  # type: ignore[index]
    form = {"csrf_token": token, "name": "Odile", "password": "correct horse battery"}
    assert browser.post(f"{place.base}/sign-in", data=form, timeout=10).status_code == 200
    assert ask(place, browser.cookies["session"]).status_code == 401


def test_the_owner_is_an_owner_and_another_user_picks_until_an_owner_says_otherwise(place: Town) -> None:
    owner, other = opened(place, "bigcommerce"), opened(place, "bigcommerce", bigcommerce.STAFF)
    assert [ask(place, session, path="/staff").status_code for session in (owner, other)] == [200, 403]
    assert ask(place, other, path="/picking").status_code == 200
    with place.engine.connect() as conn:
        [name] = conn.execute(select(staff.c.name).where(staff.c.role == "picker")).scalars()
        assert conn.execute(select(staff.c.id).where(staff.c.password_hash != "")).first() is None
    story.set_role(place.environment.of(1).engine, name, Role.OPERATOR)
    assert ask(place, other, path="/shops").status_code == 200
    story.set_enabled(place.environment.of(1).engine, name, False)
    assert ask(place, other).status_code == 401


def test_who_the_platform_removed_is_out_at_once_and_so_is_everybody_with_the_app(place: Town) -> None:
    owner, other = opened(place, "bigcommerce"), opened(place, "bigcommerce", bigcommerce.STAFF)
    requests.post(f"{place.shops_at}/bigcommerce/manage/app/remove_user", timeout=10)
    assert [ask(place, session).status_code for session in (owner, other)] == [200, 401]
    requests.post(f"{place.shops_at}/bigcommerce/manage/app/remove", timeout=10)
    assert ask(place, owner).status_code == 401


def test_users_of_an_admin_do_not_close_the_desk_of_this_machine(place: Town) -> None:
    """Nobody could sign in there: they have no password."""
    opened(place, "shopify")
    assert requests.get(place.base + _ORDERS, timeout=10).status_code == 200
    with place.engine.connect() as conn:
        assert conn.execute(select(shop_users.c.staff_id)).scalars().all() != [None]


def test_the_frame_loaded_again_holds_nobody_and_may_be_framed_by_its_store_only(place: Town) -> None:
    opened(place, "bigcommerce")
    page = requests.get(f"{place.base}/install/bigcommerce/frame/sandbox1", timeout=10)
    assert page.headers["Content-Security-Policy"].endswith(f"frame-ancestors {place.shops_at}")
    assert "X-Frame-Options" not in page.headers
    session = html.unescape(re.search(r'data-session="([^"]*)"', page.text)[1])  # type: ignore[index]
    assert ask(place, session).status_code == 401
    assert requests.get(f"{place.base}/install/bigcommerce/frame/unknown", timeout=10).status_code == 404


def test_the_frame_may_load_the_pictures_of_the_merchants_shops_and_no_others(place: Town) -> None:
    """It shows every page of the desk in itself, under its own policy."""
    opened(place, "bigcommerce")
    frame = f"{place.base}/install/bigcommerce/frame/sandbox1"
    policy = requests.get(frame, timeout=10).headers["Content-Security-Policy"]
    assert "; img-src 'self' data:; " in policy
    with place.engine.begin() as conn:
        stranger = merchants.add(conn, "other", now())
        others = conn.execute(
            shops.insert()
            .values(platform="toy", key="k", external_id="x", name="x", address="", sealed_credentials=b"")
            .values(merchant_id=stranger)
            .returning(shops.c.id)
        ).scalar_one()
    picture(place.environment.of(1).engine, place.shop("bigcommerce").id, BK_001="https://cdn.example/1.png")
    picture(place.environment.of(stranger).engine, others, BK_001="https://stranger.example/1.png")
    widened = policy.replace("data:", "data: https://cdn.example")
    assert requests.get(frame, timeout=10).headers["Content-Security-Policy"] == widened


def test_what_leads_elsewhere_is_told_to_the_script_and_followed_nowhere_by_itself(place: Town) -> None:
    session = opened(place, "bigcommerce")
    answer = ask(place, session, path="/")
    assert (answer.status_code, answer.headers[frames.PLACE]) == (204, "/orders")
    assert "Location" not in answer.headers


def test_linking_another_shop_is_an_owners(place: Town) -> None:
    assert requests.get(f"{place.base}/install", timeout=10).status_code == 200  # nobody works here yet: this machine's owner
    story.add(place.engine, "Odile", Role.OWNER, "correct horse battery")
    closed = requests.get(f"{place.base}/install", timeout=10, allow_redirects=False)
    assert (closed.status_code, closed.headers["Location"]) == (302, "/sign-in?next=/install")
    anywhere = f"{place.base}/install/woocommerce/start?url={place.shops_at}/woocommerce"
    assert requests.get(anywhere, timeout=10, allow_redirects=False).headers["Location"].startswith("/sign-in")
    public = requests.get(f"{place.base}/install/shopify/start?shop=maree-haute", timeout=10, allow_redirects=False)
    assert public.headers["Location"].startswith(f"{place.shops_at}/shopify/admin/oauth/authorize")
