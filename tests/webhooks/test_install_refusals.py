"""Wrong installs: each is refused with a page that says what to do, links nothing, and leaves no secret in the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from sqlalchemy import text

from platforms.shopify.install import query_hmac
from sandbox.bigcommerce import install as bigcommerce
from sandbox.shopify import granting
from sandbox.shopify import install as shopify
from tests.webhooks.town import Browser, Town, town

_SHOP = "maree-haute.myshopify.com"


@pytest.fixture
def place(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Town]:
    with town(tmp_path, database_url, redis_url) as built:
        yield built


def _begun(place: Town, browser: Browser, shop: str = "maree-haute") -> str:
    """The state of an installation this browser began."""
    answer = browser.open(f"{place.base}/install/shopify/start?shop={shop}", follow=False)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["state"]


def _code(place: Town) -> str:
    store = place.sandbox.extensions["sandbox"].store
    return granting.new_code(store, ",".join(shopify.SCOPES), "")


def _callback(place: Town, state: str, *, shop: str = _SHOP, secret: str = shopify._SECRET, **more: str) -> str:
    told = {"code": _code(place), "host": "YWRtaW4", "shop": shop, "state": state, **more}
    return f"{place.base}/install/shopify/callback?{shopify.signed(told, secret)}"


def _no_state(place: Town, browser: Browser) -> str:
    _begun(place, browser)
    return _callback(place, "")


def _made_up_state(place: Town, browser: Browser) -> str:
    return _callback(place, _begun(place, browser)[:-4] + "AAAA")


def _used_state(place: Town, browser: Browser) -> str:
    state = _begun(place, browser)
    assert browser.open(_callback(place, state)).status_code == 200
    _forget_the_shop(place)
    return _callback(place, state)


def _other_browser(place: Town, browser: Browser) -> str:
    _begun(place, browser)
    return _callback(place, _begun(place, Browser()))


def _no_browser(place: Town, browser: Browser) -> str:
    return _callback(place, _begun(place, Browser()))


def _other_shop(place: Town, browser: Browser) -> str:
    return _callback(place, _begun(place, browser, "another-store"))


def _bad_hmac(place: Town, browser: Browser) -> str:
    return _callback(place, _begun(place, browser), secret="not-the-secret-of-the-app-0123456789")


def _no_hmac(place: Town, browser: Browser) -> str:
    return _callback(place, _begun(place, browser)).partition("&hmac=")[0]


def _wrong_host(place: Town, browser: Browser) -> str:
    return _callback(place, _begun(place, browser), shop="maree-haute.myshopify.com.evil.example")


def _host_with_newline(place: Town, browser: Browser) -> str:
    return _callback(place, _begun(place, browser), shop="evil.com/maree-haute.myshopify.com\n")


def _replayed_code(place: Town, browser: Browser) -> str:
    code = _code(place)
    assert browser.open(_callback(place, _begun(place, browser), code=code)).status_code == 200
    _forget_the_shop(place)
    return _callback(place, _begun(place, browser), code=code)


def _old_answer(place: Town, browser: Browser) -> str:
    told = {"code": _code(place), "shop": _SHOP, "state": _begun(place, browser)}
    stale = dict(parse_qsl(shopify.signed(told)))
    stale["timestamp"] = str(int(time.time()) - 600)
    query = tuple((name, value) for name, value in stale.items() if name != "hmac")
    return f"{place.base}/install/shopify/callback?{urlencode({**dict(query), 'hmac': query_hmac(shopify._SECRET, query)})}"


def _twice(place: Town, browser: Browser) -> str:
    return _callback(place, _begun(place, browser)) + "&shop=evil.myshopify.com"


def _too_late(place: Town, browser: Browser) -> str:
    state = _begun(place, browser)
    with place.engine.begin() as conn:
        conn.execute(text("UPDATE install_states SET expires_at = now() - interval '1 second'"))
    return _callback(place, state)


def _fewer_permissions(place: Town, browser: Browser) -> str:
    store = place.sandbox.extensions["sandbox"].store
    return _callback(place, _begun(place, browser), code=granting.new_code(store, "read_orders", ""))


def _state_of_another_platform(place: Town, browser: Browser) -> str:
    address = f"{place.base}/install/woocommerce/start?{urlencode({'url': place.shops_at + '/woocommerce'})}"
    answer = browser.open(address, follow=False)
    return _callback(place, dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["user_id"])


SHOPIFY: dict[str, tuple[Callable[[Town, Browser], str], int]] = {
    "state missing": (_no_state, 403),
    "state made up": (_made_up_state, 403),
    "state reused": (_used_state, 403),
    "other browser": (_other_browser, 403),
    "no browser": (_no_browser, 403),
    "other shop": (_other_shop, 403),
    "other platform": (_state_of_another_platform, 403),
    "bad HMAC": (_bad_hmac, 403),
    "no HMAC": (_no_hmac, 403),
    "wrong host": (_wrong_host, 400),
    "host with a newline": (_host_with_newline, 400),
    "replayed code": (_replayed_code, 400),
    "old answer": (_old_answer, 403),
    "parameter twice": (_twice, 400),
    "state over": (_too_late, 403),
    "fewer permissions": (_fewer_permissions, 400),
}


def _forget_the_shop(place: Town) -> None:
    """As if nothing had been linked, so that the refusal is seen to link nothing."""
    with place.engine.begin() as conn:
        conn.execute(text("UPDATE install_states SET shop_id = NULL"))
        for table in ("install_steps", "shop_events", "shop_users", "shops"):
            conn.execute(text(f"DELETE FROM {table}"))  # noqa: S608


def _refused(place: Town, browser: Browser, address: str, status: int, capfd: pytest.CaptureFixture[str]) -> None:
    browser.open(address)
    assert browser.page.status_code == status, browser.page.text
    assert '<html lang="en">' in browser.page.text
    assert "Not installed" in browser.page.text
    assert place.linked() == []
    browser.session.headers["Accept-Language"] = "fr"
    french = requests.get(address, headers=dict(browser.session.headers), timeout=10)
    assert "Non installé" in french.text
    said = capfd.readouterr()
    secrets = [value for _, value in parse_qsl(urlsplit(address).query) if len(value) > 15 and "." not in value[:40]]
    for secret in (*secrets, shopify._SECRET, bigcommerce._SECRET, "eyJ"):
        assert secret not in said.out + said.err
        assert secret not in browser.page.text


@pytest.mark.parametrize("wrong", SHOPIFY)
def test_a_wrong_shopify_install_is_refused(place: Town, wrong: str, capfd: pytest.CaptureFixture[str]) -> None:
    make, status = SHOPIFY[wrong]
    browser = Browser()
    address = make(place, browser)
    capfd.readouterr()
    _refused(place, browser, address, status, capfd)


def test_what_is_refused_is_accepted_when_it_is_right(place: Town) -> None:
    browser = Browser()
    assert browser.open(_callback(place, _begun(place, browser))).status_code == 200
    assert place.linked() == [("shopify", "linked")]


# --- the app within Shopify's admin ----------------------------------------------------------------------------------


def _home(place: Town, token: str, shop: str = _SHOP) -> str:
    return f"{place.base}/install/shopify/home?{shopify.signed({'shop': shop, 'id_token': token})}"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-app"},
        {"exp": 1},
        {"nbf": 9_999_999_999},
        {"iss": "https://evil.myshopify.com/admin"},
        {"dest": "https://evil.example", "iss": "https://evil.example/admin"},
    ],
)
def test_an_unsound_id_token_opens_nothing(place: Town, claims: dict[str, object], capfd: pytest.CaptureFixture[str]) -> None:
    _refused(place, Browser(), _home(place, shopify.id_token(**claims)), 403, capfd)


def test_an_id_token_of_another_store_than_the_address_says(place: Town, capfd: pytest.CaptureFixture[str]) -> None:
    _refused(place, Browser(), _home(place, shopify.id_token(), "another.myshopify.com"), 403, capfd)


# --- BigCommerce -----------------------------------------------------------------------------------------------------

_WRONG_AUTH = {
    "replayed code": ({"code": "0" * 32}, 400),
    "no code": ({"code": ""}, 400),
    "another store's code": ({"context": "stores/other1"}, 400),
    "no context": ({"context": "../stores/sandbox1"}, 400),
    "fewer permissions": ({"scope": "store_v2_orders"}, 400),
}


@pytest.mark.parametrize("wrong", _WRONG_AUTH)
def test_a_wrong_bigcommerce_install_is_refused(place: Town, wrong: str, capfd: pytest.CaptureFixture[str]) -> None:
    changes, status = _WRONG_AUTH[wrong]
    told = {"code": "c" * 32, "scope": bigcommerce.SCOPES, "context": "stores/sandbox1", **changes}
    _refused(place, Browser(), f"{place.base}/install/bigcommerce/auth?{urlencode(told)}", status, capfd)


@pytest.mark.parametrize("act", ["load", "uninstall", "remove_user"])
def test_an_unsigned_or_foreign_callback_does_nothing(place: Town, act: str, capfd: pytest.CaptureFixture[str]) -> None:
    token = bigcommerce.payload(bigcommerce.OWNER, secret="another-apps-secret-0123456789-abcdef")
    address = f"{place.base}/install/bigcommerce/{act}?signed_payload_jwt={token}"
    _refused(place, Browser(), address, 403, capfd)


def test_a_callback_with_an_effect_counts_once(place: Town) -> None:
    token = bigcommerce.payload(bigcommerce.STAFF)
    address = f"{place.base}/install/bigcommerce/remove_user?signed_payload_jwt={token}"
    assert [requests.get(address, timeout=10).status_code for _ in range(2)] == [200, 403]


# --- WooCommerce -----------------------------------------------------------------------------------------------------


def _asked(place: Town, browser: Browser, site: str = "/woocommerce") -> str:
    address = f"{place.base}/install/woocommerce/start?{urlencode({'url': place.shops_at + site})}"
    answer = browser.open(address, follow=False)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["user_id"]


def _bring(place: Town, user_id: str, **more: str) -> int:
    keys = {"key_id": 1, "consumer_key": "ck_sandbox", "consumer_secret": "cs_sandbox", "key_permissions": "read_write"}
    answer = requests.post(f"{place.base}/install/woocommerce/callback", json={**keys, "user_id": user_id, **more}, timeout=10)
    return answer.status_code


def _back(place: Town, browser: Browser, user_id: str) -> requests.Response:
    return browser.open(f"{place.base}/install/woocommerce/return?{urlencode({'success': 1, 'user_id': user_id})}")


def test_keys_brought_for_nobody_are_refused(place: Town) -> None:
    browser = Browser()
    user_id = _asked(place, browser)
    assert _bring(place, "made-up") == 403
    assert _bring(place, user_id, key_permissions="read") == 400
    assert _bring(place, user_id) == 200
    assert _bring(place, user_id) == 403
    assert place.linked() == []
    assert _back(place, Browser(), user_id).status_code == 403
    assert _back(place, browser, user_id).status_code == 403  # it counted once, for the wrong browser
    assert place.linked() == []


def test_keys_that_are_not_of_that_very_store_link_nothing(place: Town, capfd: pytest.CaptureFixture[str]) -> None:
    browser = Browser()
    user_id = _asked(place, browser)
    assert _bring(place, user_id, consumer_key="ck_foreign_0123456789", consumer_secret="cs_foreign_0123456789") == 200
    assert _back(place, browser, user_id).status_code == 403
    assert place.linked() == []
    said = capfd.readouterr()
    assert "foreign_0123456789" not in said.out + said.err + browser.page.text


def test_a_link_from_elsewhere_shows_where_it_leads_first(place: Town) -> None:
    """The address of a WooCommerce shop may be anybody's: our own name must not lend itself to a trap."""
    address = f"{place.base}/install/woocommerce/start?{urlencode({'url': place.shops_at + '/woocommerce'})}"
    for site, status in (("cross-site", 200), ("none", 200), ("same-origin", 303)):
        answer = requests.get(address, headers={"Sec-Fetch-Site": site}, timeout=10, allow_redirects=False)
        assert answer.status_code == status
    browser = Browser()
    browser.session.headers["Sec-Fetch-Site"] = "cross-site"
    assert f"<strong>{place.shops_at}/woocommerce</strong>" in browser.open(address).text
    browser.session.headers["Sec-Fetch-Site"] = "same-origin"
    browser.page = browser.session.get(address, timeout=10)
    assert "would like to connect" in browser.page.text


def test_a_return_without_keys_links_nothing(place: Town) -> None:
    browser = Browser()
    assert _back(place, browser, _asked(place, browser)).status_code == 403
    assert place.linked() == []


def test_keys_typed_into_another_sites_form_are_refused(place: Town) -> None:
    typed = {"url": f"{place.shops_at}/woocommerce", "key": "ck_sandbox", "secret": "cs_sandbox"}
    answer = requests.post(f"{place.base}/install/woocommerce/keys", data=typed, headers={"Accept": "text/html"}, timeout=10)
    assert answer.status_code == 403
    assert place.linked() == []


# --- pages -----------------------------------------------------------------------------------------------------------


def test_only_the_platforms_admin_may_frame_a_page(place: Town) -> None:
    browser = Browser()
    browser.open(f"{place.shops_at}/shopify/admin")
    browser.submit()
    page = browser.open(browser.frame())
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"].endswith(f"frame-ancestors {place.shops_at}")
    assert "X-Frame-Options" not in page.headers


def test_a_page_is_shown_to_the_browser_that_linked_the_store_only(place: Town) -> None:
    browser = Browser()
    page = browser.open(_callback(place, _begun(place, browser)))
    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store"
    assert Browser().open(page.url).status_code == 403
    progress = f"{place.base}/install/progress"
    assert requests.get(progress, headers={"Authorization": "Bearer made-up"}, timeout=10).status_code == 403
    assert requests.post(f"{place.base}/install/again", data={"view": "made-up"}, timeout=10).status_code == 403


def test_an_app_that_is_not_registered_says_so(tmp_path: Path, database_url: str, redis_url: str) -> None:
    with town(tmp_path, database_url, redis_url, shopify_client_secret="", bigcommerce_client_secret="") as place:
        browser = Browser()
        assert browser.open(f"{place.base}/install/shopify/start?shop=maree-haute").status_code == 503
        assert "SHOPIFY_CLIENT_ID" in browser.page.text
        empty = bigcommerce.payload(bigcommerce.OWNER)
        address = f"{place.base}/install/bigcommerce/uninstall?signed_payload_jwt={empty}"
        assert requests.get(address, timeout=10).status_code == 503
