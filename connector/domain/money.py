"""Money is an int of minor units and an ISO 4217 code. No floats, no rounding of what a platform said."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from connector.domain.errors import Malformed

# ISO 4217 lists the minor unit of every currency; two decimals is the rule, these are the exceptions (list of 2026-01-01).
_EXPONENTS = {
    **dict.fromkeys(
        ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"], 0
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
_LARGEST_MINOR = 2**63 - 1


def exponent(currency: str) -> int:
    """The number of decimals of `currency`: 2 for euro, 0 for yen, 3 for the Kuwaiti dinar."""
    return _EXPONENTS.get(currency.upper(), 2)


def to_minor(amount: str | int | float | Decimal | None, currency: str) -> int:
    """Turn a platform's amount ("19.90", 19.9, "0.0000") into minor units; None and "" are 0.

    Decimals beyond the currency's own (BigCommerce always sends four) are rounded half to even. Anything that is not a
    number, or does not fit 64 bits, raises Malformed.
    """
    if amount is None or amount == "":
        return 0
    try:
        minor = Decimal(str(amount)).scaleb(exponent(currency))
        if not minor.is_finite() or abs(minor) > _LARGEST_MINOR:
            raise InvalidOperation
    except (InvalidOperation, ValueError):
        raise Malformed(f"The amount {str(amount)[:40]!r} is not a number.") from None
    return int(minor.to_integral_value())


def to_text(minor: int, currency: str) -> str:
    """The amount as plain text with the currency's own decimals: (1990, "EUR") -> "19.90 EUR"."""
    digits = exponent(currency)
    return f"{Decimal(minor).scaleb(-digits):.{digits}f} {currency}"
