"""What a person sees in the place of a picture: the picture, or the letter where it does not come. Nothing moves."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest
from flask import Flask, Response
from PIL import Image
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from tests.desk.seeding import Town, order
from tests.desk.test_pictures import picture
from tests.serving import serve

_RED = b'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="160"><rect width="80" height="160" fill="#f00"/></svg>'


@pytest.fixture
def shop() -> Iterator[str]:
    """Where the shop's pictures lie: one that is there, one that is nonsense; any other is not found."""
    app = Flask("shop")
    app.add_url_rule("/red.svg", "red", lambda: Response(_RED, mimetype="image/svg+xml"))
    app.add_url_rule("/odd.png", "odd", lambda: Response(b"no picture", mimetype="image/png"))
    with serve(app) as base:
        yield base


@pytest.mark.parametrize("script", [True, False])
def test_a_picture_that_does_not_come_leaves_its_letter_and_its_room(
    browser: Browser, address: str, town: Town, engine: Engine, shop: str, script: bool
) -> None:
    pictures = {"BK_001": f"{shop}/red.svg", "BK_002": f"{shop}/gone.png", "BK_003": f"{shop}/odd.png", "BK_004": ""}
    picture(engine, town.shops["shopify"].id, **pictures)
    order_id = town.place(order(*((f"BK-00{number}", 1) for number in range(1, 5))))
    context = browser.new_context(base_url=address, java_script_enabled=script, bypass_csp=True)
    page = context.new_page()
    page.goto(f"/orders/{order_id}", wait_until="networkidle")
    red, *letters = [_shot(page, number) for number in range(4)]
    boxes = [row.bounding_box() for row in page.locator(".lines .thumbnail").all()]
    context.close()
    assert red.getpixel((28, 28)) == (255, 0, 0)
    grounds = {shot.getpixel((shot.width // 2, shot.height - 8)) for shot in letters}
    assert len(grounds - {(255, 255, 255)}) == len(grounds) == 1, "whatever the reason, the place looks the same"
    assert all(len(shot.crop((14, 14, 42, 42)).getcolors() or []) > 1 for shot in letters), "there is a letter"
    assert {(box["width"], box["height"]) for box in boxes if box} == {(56, 56)}


def _shot(page: Page, number: int) -> Image.Image:
    """A line's picture as it is seen."""
    place = page.locator(".lines .thumbnail").nth(number)
    place.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    return Image.open(BytesIO(place.screenshot())).convert("RGB")
