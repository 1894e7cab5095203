"""Amounts of money as people type and read them."""

from __future__ import annotations

import copy
import re
from decimal import Decimal

from babel import Locale
from babel.numbers import format_decimal

from connector.domain.money import exponent, to_minor

_TYPED = re.compile(r"(?P<whole>\d{1,15})(?:[.,](?P<part>\d{1,4}))?", re.ASCII)
_SPACES = str.maketrans("", "", " \u00a0\u202f'’")


def parse_amount(text: str, currency: str) -> int | None:
    """The minor units of what was typed, with a point or a comma ("19,90", "1 200"); None where it is no exact amount.

    Thousands may be set apart by spaces only: a lone comma or point always starts the decimals, so "1,200" of a currency
    with two decimals is refused instead of guessed.
    """
    typed = _TYPED.fullmatch(text.translate(_SPACES))
    if typed is None or len(typed["part"] or "") > exponent(currency):
        return None
    return to_minor(f"{typed['whole']}.{typed['part'] or 0}", currency)


def money(minor: int, currency: str, locale: Locale) -> str:
    """The amount with its currency as the locale writes it, always with the currency's own decimals."""
    pattern = copy.copy(locale.currency_formats["standard"])
    digits = exponent(currency)
    pattern.frac_prec = (digits, digits)
    return str(pattern.apply(Decimal(minor).scaleb(-digits), locale, currency=currency, currency_digits=False))


def typed_amount(minor: int, currency: str, locale: Locale) -> str:
    """The amount as a form's field shows it: the locale's decimals, no thousands, no currency."""
    digits = exponent(currency)
    places = "0" if digits == 0 else "0." + "0" * digits
    return str(format_decimal(Decimal(minor).scaleb(-digits), format=places, locale=locale))
