"""The app's own settings say what the code needs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from connector.installing import TOPICS
from platforms.shopify.client import VERSION
from platforms.shopify.reading import SCOPES

_APP = tomllib.loads((Path(__file__).parents[3] / "shopify.app.toml").read_text())


def test_the_app_asks_for_the_permissions_we_need_and_no_more() -> None:
    assert _APP["access_scopes"]["scopes"].split(",") == list(SCOPES)


def test_the_addresses_are_ours_and_the_privacy_topics_are_all_there() -> None:
    assert urlsplit(_APP["application_url"]).path == "/install/shopify/home"
    assert [urlsplit(address).path for address in _APP["auth"]["redirect_urls"]] == ["/install/shopify/callback"]
    subscriptions = _APP["webhooks"]["subscriptions"]
    assert _APP["webhooks"]["api_version"] == VERSION
    assert [urlsplit(entry["uri"]).path for entry in subscriptions] == ["/webhooks/shopify", "/privacy/shopify"]
    assert tuple(subscriptions[1]["compliance_topics"]) == TOPICS
