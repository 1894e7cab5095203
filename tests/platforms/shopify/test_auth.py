"""What links a shop, and what does not."""

from __future__ import annotations

import pytest

from connector.domain.errors import Rejected
from platforms.http import Http
from platforms.shopify.auth import open_shop

GOOD = {"domain": "maree-haute.myshopify.com", "token": "shpat_x", "app_secret": "s"}


def test_a_shop_opens() -> None:
    assert open_shop(Http(), GOOD) == (
        "maree-haute.myshopify.com",
        "https://maree-haute.myshopify.com",
        {"token": "shpat_x", "app_secret": "s"},
    )


@pytest.mark.parametrize(
    "typed",
    ["Maree-Haute.myshopify.com ", "https://maree-haute.myshopify.com/", "maree-haute", "http://maree-haute.myshopify.com"],
)
def test_a_domain_may_be_typed_as_people_do(typed: str) -> None:
    assert open_shop(Http(), {**GOOD, "domain": typed})[0] == "maree-haute.myshopify.com"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "maree-haute.example",
        "maree-haute.myshopify.com.evil.example",
        "evil.example/maree-haute.myshopify.com",
        "a@maree-haute.myshopify.com",
        "maree-haute.myshopify.com:8443",
        "maree-haute.myshopify.com#evil",
        "maree\nhaute.myshopify.com",
        "[maree-haute.myshopify.com",
        "é.myshopify.com",
        "a" * 300,
    ],
)
def test_anything_else_is_no_store(typed: str) -> None:
    with pytest.raises(Rejected, match="is not a Shopify store"):
        open_shop(Http(), {**GOOD, "domain": typed})


@pytest.mark.parametrize("name", ["token", "app_secret"])
@pytest.mark.parametrize("value", ["", "  ", "é", "a\nb"])
def test_credentials_must_be_usable(name: str, value: str) -> None:
    with pytest.raises(Rejected, match="missing"):
        open_shop(Http(), {**GOOD, name: value})


def test_the_previous_secret_is_kept() -> None:
    credentials = open_shop(Http(), {**GOOD, "previous_app_secret": "old"})[2]
    assert credentials["previous_app_secret"] == "old"


def test_another_address_is_for_development_only() -> None:
    options = {**GOOD, "api_url": "http://127.0.0.1:8000/shopify/"}
    with pytest.raises(Rejected, match="not https"):
        open_shop(Http(), options)
    assert open_shop(Http(private_allowed=True), options)[1] == "http://127.0.0.1:8000/shopify"
