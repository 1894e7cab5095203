"""The check of addresses: what a parcel needs in each country."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.domain.addresses import _PATTERNS, _POSTCODES, faults
from connector.domain.orders import Address

GOOD = Address(name="Élise Ménard", street="12 rue de la République", postcode="13002", city="Marseille", country="FR")


@pytest.mark.parametrize(
    ("country", "postcode", "region"),
    [
        ("FR", "13002", ""),
        ("fr", " 13002 ", ""),
        ("DE", "10115", ""),
        ("GB", "SW1A 1AA", ""),
        ("GB", "m11ae", ""),
        ("NL", "1012 AB", ""),
        ("NL", "1012AB", ""),
        ("PL", "00-950", ""),
        ("PT", "1000-205", ""),
        ("SE", "114 55", ""),
        ("US", "90210-1234", "CA"),
        ("CA", "K1A 0B1", "ON"),
        ("IE", "D02 AF30", ""),
        ("AD", "AD500", ""),
        ("LV", "LV-1010", ""),
        ("JP", "100-0001", ""),
        ("SN", "", ""),
    ],
)
def test_what_the_post_takes(country: str, postcode: str, region: str) -> None:
    assert faults(replace(GOOD, country=country, postcode=postcode, region=region)) == []


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"postcode": "1300"}, [("postcode", "postcode")]),
        ({"postcode": "13002x"}, [("postcode", "postcode")]),
        ({"postcode": ""}, [("postcode", "missing")]),
        ({"street": " ", "city": ""}, [("street", "missing"), ("city", "missing")]),
        ({"name": ""}, [("name", "missing")]),
        ({"country": "France"}, [("country", "unknown")]),
        ({"country": ""}, [("country", "missing")]),
        ({"country": "US", "postcode": "90210"}, [("region", "missing")]),
        ({"country": "DE", "postcode": "1011"}, [("postcode", "postcode")]),
    ],
)
def test_what_keeps_a_parcel_from_arriving(changes: dict[str, str], wrong: list[tuple[str, str]]) -> None:
    assert [(fault.field, fault.code) for fault in faults(replace(GOOD, **changes))] == wrong


def test_a_company_is_name_enough() -> None:
    assert faults(replace(GOOD, name="", company="Marée Haute")) == []


@pytest.mark.parametrize("country", sorted({*_POSTCODES, *_PATTERNS}))
def test_a_country_s_example_is_one_it_takes(country: str) -> None:
    [fault] = faults(replace(GOOD, country=country, postcode="!", region="X"))
    assert faults(replace(GOOD, country=country, postcode=fault.example, region="X")) == []
