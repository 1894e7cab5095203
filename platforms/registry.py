"""The explicit table of platforms. Adding one is its folder and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from connector.platform import Platform
from platforms import bigcommerce, shopify, woocommerce
from platforms.http import Http, bounded

_BUILDERS = (shopify.build, woocommerce.build, bigcommerce.build)


def platforms(http: Http) -> Mapping[str, Platform]:
    """Every platform by its name, calling out through `http`."""
    return {platform.name: bounded(platform) for platform in (build(http) for build in _BUILDERS)}
