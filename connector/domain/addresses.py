"""Whether a parcel can reach an address: what each country's post wants, as far as a desk can see it.

Postcodes follow the Universal Postal Union's addressing sheets (upu.int, POST*CODE, seen 2026-11); `0` stands for a digit, `A`
for a letter, and `?` after a sign says that it may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from connector.domain.orders import Address

_POSTCODES: Mapping[str, str] = {
    "AT": "0000", "AU": "0000", "BE": "0000", "BG": "0000", "BR": "00000-?000", "CA": "A0A ?0A0", "CH": "0000",
    "CY": "0000", "CZ": "000 ?00", "DE": "00000", "DK": "0000", "EE": "00000", "ES": "00000", "FI": "00000", "FR": "00000",
    "GR": "000 ?00", "HR": "00000", "HU": "0000", "IT": "00000", "JP": "000-?0000", "LI": "0000", "LT": "00000", "LU": "0000",
    "MC": "00000", "NL": "0000 ?AA", "NO": "0000", "PL": "00-000", "PT": "0000-000", "RO": "000000",
    "SE": "000 ?00", "SI": "0000", "SK": "000 ?00", "SM": "00000", "VA": "00000",
}  # fmt: skip
_PATTERNS: Mapping[str, str] = {
    "AD": r"AD[0-9]{3}",
    "GB": r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}",
    "IE": r"[A-Z][0-9][0-9W] ?[A-Z0-9]{4}",
    "LV": r"LV-[0-9]{4}",
    "MT": r"[A-Z]{3} ?[0-9]{4}",
    "US": r"[0-9]{5}(-[0-9]{4})?",
}
_EXAMPLES: Mapping[str, str] = {
    "AD": "AD500",
    "LV": "LV-1010",
    "GB": "SW1A 1AA",
    "IE": "D02 AF30",
    "MT": "VLT 1117",
    "US": "10001",
}
_REGION_NEEDED = frozenset({"AU", "BR", "CA", "US"})
_SIGNS = {"0": "[0-9]", "A": "[A-Z]", "?": "?", "-": "-", " ": " "}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a field: it is missing, or (`example`) not as the country writes it."""

    field: str
    code: str
    example: str = ""


def faults(address: Address) -> list[Fault]:
    """What keeps a parcel from arriving; empty where nothing is seen. Of a country without a rule here only street and city."""
    country = address.country.strip().upper()
    found = [Fault(name, "missing") for name in ("street", "city", "country") if not getattr(address, name).strip()]
    if not (address.name.strip() or address.company.strip()):
        found.append(Fault("name", "missing"))
    if country and not re.fullmatch("[A-Z]{2}", country):
        found.append(Fault("country", "unknown", "FR"))
    if country in _REGION_NEEDED and not address.region.strip():
        found.append(Fault("region", "missing"))
    if (pattern := _pattern(country)) and not pattern.fullmatch(address.postcode.strip().upper()):
        found.append(Fault("postcode", "postcode" if address.postcode.strip() else "missing", _example(country)))
    return found


@cache
def _pattern(country: str) -> re.Pattern[str] | None:
    form = _POSTCODES.get(country, "")
    written = _PATTERNS.get(country) or "".join(_SIGNS[sign] for sign in form)
    return re.compile(written) if written else None


def _example(country: str) -> str:
    return _EXAMPLES.get(country) or _POSTCODES[country].replace("0", "1").replace("?", "")
