"""Who we are to a WooCommerce shop: a consumer key and secret, sent as Basic over https and as a signature over http."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import requests.auth
from woocommerce.oauth import OAuth

from connector.domain.errors import Rejected
from connector.platform import Shop
from platforms.http import Http

OPTIONS = {
    "url": "the shop's address, such as https://shop.example",
    "key": "the consumer key (ck_…) from WooCommerce > Settings > Advanced > REST API, with Read/Write permission",
    "secret": "the consumer secret (cs_…) that is shown once beside the key",
}
_PASTED_TAIL = re.compile(r"/(?:wp-json|wp-admin|wp-login\.php)(?:/.*)?$")
_MAKE_A_KEY = "Make a Read/Write key under WooCommerce > Settings > Advanced > REST API and give both its parts."


def open_shop(http: Http, options: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    """(external id, address, credentials) of a shop; the external id is its address. Rejected for unusable values.

    http is taken only where `Http.private_allowed` is set: Basic is refused over it (verified on WooCommerce 10.5.0).
    """
    address = site_address(http, options.get("url", ""))
    key, secret = options.get("key", "").strip(), options.get("secret", "").strip()
    if not _is_token(key, "ck_"):
        raise Rejected("The consumer key must begin with ck_.", _MAKE_A_KEY)
    if not _is_token(secret, "cs_"):
        raise Rejected("The consumer secret must begin with cs_.", _MAKE_A_KEY)
    return address, address, {"key": key, "secret": secret}


def signed(shop: Shop, method: str, url: str, params: Mapping[str, str]) -> tuple[str, requests.auth.AuthBase | None]:
    """The whole URL to call and the authentication to send with it.

    Over https the keys go into the Authorization header only: in a query they reach access logs and the Link header.
    """
    whole = f"{url}?{urlencode(params)}" if params else url
    key, secret = shop.credentials.get("key", ""), shop.credentials.get("secret", "")
    if urlsplit(url).scheme == "https":
        return whole, requests.auth.HTTPBasicAuth(key, secret)
    # Only the signature of the package `woocommerce` is used, not its client: that opens a connection for each call, has one
    # time-out of 5 s for everything, follows redirects, checks no answer, and signs repeated list parameters wrongly.
    return OAuth(url=whole, consumer_key=key, consumer_secret=secret, version="wc/v3", method=method).get_oauth_url(), None


def site_address(http: Http, url: str) -> str:
    """The address of a shop as it may be typed or pasted; Rejected where it is none."""
    address = http.check_address(_PASTED_TAIL.sub("", url.strip().rstrip("/")))
    parts = urlsplit(address)
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl()


def _is_token(text: str, prefix: str) -> bool:
    return text.startswith(prefix) and len(text) > len(prefix) and text.isascii() and text.isprintable() and " " not in text
