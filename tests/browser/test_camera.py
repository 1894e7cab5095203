"""The phone's camera as a scanner, played by Chromium's own: a film of a barcode in front of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import barcode
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import FLAGS, chromium
from tests.browser.test_day import picked, shelved
from tests.desk.seeding import Town, order

__all__ = ["shelved"]

WIDTH, HEIGHT, MODULE = 640, 480, 4
BARS = {"ean": ("ean13", "9780000000002"), "code 128": ("code128", "BK-003")}


def film(path: Path, kind: str, text: str) -> Path:
    """A still of the barcode, a little dark, unevenly lit, with the noise of a small camera."""
    modules = barcode.get(kind, text).build()[0]
    modules = modules.decode() if isinstance(modules, bytes) else modules
    line = [235] * ((WIDTH - len(modules) * MODULE) // 2)
    line += [35 if module == "1" else 225 for module in modules for _ in range(MODULE)]
    line += [235] * (WIDTH - len(line))
    rnd = random.Random(7)
    lit = [max(0, min(255, int(value * (0.6 + 0.4 * at / WIDTH)))) for at, value in enumerate(line)]
    rows = [bytes(max(0, min(255, value + rnd.randint(-8, 8))) for value in lit) for _ in range(16)]
    blank = bytes([180]) * WIDTH
    picture = b"".join(rows[at % 16] if 120 <= at < 360 else blank for at in range(HEIGHT))
    frame = b"FRAME\n" + picture + bytes([128]) * (WIDTH * HEIGHT // 2)
    path.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode() + frame * 4)
    return path


@pytest.fixture(params=BARS)
def phone(request: pytest.FixtureRequest, tmp_path: Path, address: str, browser: Browser) -> Iterator[Page]:
    """A phone whose camera sees the barcode."""
    seen = film(tmp_path / "seen.y4m", *BARS[request.param])
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={seen}"]
    phone = browser.browser_type.launch(executable_path=chromium(), args=[*FLAGS, *camera])
    page = phone.new_page(base_url=address, viewport={"width": 390, "height": 844}, locale="en")
    yield page
    phone.close()


def test_what_the_camera_sees_is_picked(phone: Page, shelved: Town) -> None:
    order_id = shelved.place(order(("BK-003", 1)))
    phone.goto(f"/orders/{order_id}/parts/{shelved.parts(order_id)[0]}/pick")
    phone.get_by_role("button", name="Camera").click()
    expect(phone.locator("[data-verdict]")).to_have_class("verdict right", timeout=30_000)
    expect(phone.locator("[data-left='0']")).to_be_attached(timeout=15_000)
    assert picked(shelved, order_id) == [1]


def test_a_device_without_a_camera_says_what_to_do(page: Page, shelved: Town) -> None:
    order_id = shelved.place(order(("BK-003", 1)))
    page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    page.goto(f"/orders/{order_id}/parts/{shelved.parts(order_id)[0]}/pick")
    expect(page.locator("[data-no-camera]")).to_be_visible()
    expect(page.get_by_role("button", name="Camera")).to_be_hidden()
