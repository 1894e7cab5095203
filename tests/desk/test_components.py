"""The page of components, and the keys it names."""

from __future__ import annotations

import re
from pathlib import Path

import desk
from desk.components import ICONS, KEYS, TONES
from tests.desk.conftest import Reader
from tests.desk.seeding import Customer, Town, order

_ROOM = Path(desk.__file__).parent


def test_every_component_is_shown(reader: Reader, town: Town) -> None:
    assert reader.get("/components").status_code == 200
    for name in ("chip", "icon", "button", "field", "callout", "steps", "take", "thumbnail", "lines", "address", "empty"):
        assert f'id="component-{name}"' in reader.page
    assert reader.page.count('id="') == len(set(re.findall(r'id="([^"]+)"', reader.page))), "each id once"


def test_no_icon_and_no_tone_is_left_out() -> None:
    drawn = re.search(r"macro icon.*?endmacro", (_ROOM / "templates/desk/parts.html").read_text(), re.S)
    assert drawn is not None
    assert set(re.findall(r"'([a-z]+)': 'M", drawn[0])) == set(ICONS)
    assert set(re.findall(r"\.chip\.([a-z]+)", (_ROOM / "static/desk.css").read_text())) | {"plain"} == set(TONES)


def test_each_key_it_names_is_listened_to() -> None:
    script = (_ROOM / "static/desk.js").read_text()
    heard = set(re.findall(r'event\.key === "([^"]+)"', script)) | {"Enter"}
    assert {"Escape" if key == "Esc" else key for key in KEYS} <= heard


def test_a_quick_search_by_part_of_a_name_works_from_the_address_alone(reader: Reader, town: Town) -> None:
    town.place(order(("BK-001", 1), customer=Customer(name="Noël Vincent")))
    reader.get("/orders?q=?VINc")
    assert reader.page.count('class="open"') == 1
