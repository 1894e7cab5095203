"""The explicit table of platforms. Adding one is its folder and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from connector.installing import App
from connector.platform import Platform
from platforms import bigcommerce, shopify, woocommerce
from platforms.http import TELLING_SECONDS, Http, bounded

_BUILDERS = (shopify.build, woocommerce.build, bigcommerce.build)


def platforms(
    http: Http, apps: Mapping[str, App] | None = None, *, telling_seconds: float = TELLING_SECONDS
) -> Mapping[str, Platform]:
    """Every platform by its name, calling out through `http`. `apps` is what the connector is registered as, by platform;
    `telling_seconds` bounds one announcement."""
    known = apps or {}
    named = ((build.__module__.rpartition(".")[2], build) for build in _BUILDERS)
    return {name: bounded(build(http, app=known.get(name, App())), telling_seconds) for name, build in named}
