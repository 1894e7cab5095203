"""What links a shop: its myshopify.com domain, an access token and the app's secret."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The one thing of shopifyapi that is sound and ours to use: Session and GraphQL are not (see client.py).
from shopify.utils.shop_url import sanitize_shop_domain

from connector.domain.errors import Rejected
from platforms.http import Http

CREDENTIALS = {
    "domain": "the store's own domain, as in maree-haute.myshopify.com",
    "token": "Admin API access token of the app, as in shpat_…",
    "app_secret": "the app's client secret (API secret key): it signs the webhooks",
}
_OPTIONAL = ("previous_app_secret",)

# fullmatch, never `$`: `$` also matches before a newline at the end. Rule: @shopify/shopify-api 15, lib/utils/shop-validator.
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_LONGEST_DOMAIN = 255


def shop_domain(text: str) -> str:
    """The domain in lower case, or "" where it is none of a Shopify store."""
    domain = text.lower()
    known = len(domain) <= _LONGEST_DOMAIN and _DOMAIN.fullmatch(domain) is not None
    return domain if known else ""


def open_shop(http: Http, options: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    """The domain, the address of its API and the credentials; Rejected with the remedy for what cannot be used."""
    domain = _typed_domain(options.get("domain", ""))
    for name in ("token", "app_secret"):
        if not _usable(options.get(name, "").strip()):
            raise Rejected(f"The {name.replace('_', ' ')} is missing or no plain text.", f"Give {CREDENTIALS[name]}.")
    names = ("token", "app_secret", *_OPTIONAL)
    credentials = {name: options[name].strip() for name in names if options.get(name, "").strip()}
    return domain, http.check_address(options.get("api_url", "").strip() or f"https://{domain}"), credentials


def _usable(secret: str) -> bool:
    """Whether it can stand in an HTTP header."""
    return bool(secret) and secret.isascii() and secret.isprintable()


def _typed_domain(typed: str) -> str:
    """As a person may type it: with https://, capitals or only the store's name; nothing may have to be cut away."""
    bare = re.sub(r"^https?://", "", typed.strip().lower()).rstrip("/")
    try:
        domain = shop_domain(sanitize_shop_domain(bare) or bare)
    except ValueError:  # its urlparse on something like "[x.myshopify.com"
        domain = ""
    if domain not in (bare, f"{bare}.myshopify.com") or not domain:
        raise Rejected(f"{typed[:80]!r} is not a Shopify store.", f"Give {CREDENTIALS['domain']}.")
    return domain
