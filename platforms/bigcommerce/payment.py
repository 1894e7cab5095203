"""What of a BigCommerce order is paid: its payment status, its transactions, and last its order status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connector.domain.money import to_minor
from connector.domain.orders import Payment

Row = Mapping[str, Any]

# An open list on the platform's side (closed ones broke clients): a word that is not here is decided by the transactions.
_WORDS: dict[str, Payment] = {
    "authorized": Payment.AUTHORIZED,
    "capture pending": Payment.AUTHORIZED,
    "held for review": Payment.AUTHORIZED,
    "captured": Payment.PAID,
    "paid": Payment.PAID,
    "partially refunded": Payment.PARTLY_REFUNDED,
    "refunded": Payment.REFUNDED,
    "declined": Payment.UNPAID,
    "void": Payment.UNPAID,
    "void pending": Payment.UNPAID,
}
_OWING = frozenset({Payment.UNPAID, Payment.AUTHORIZED})
_AWAITING_PAYMENT = 7
_REFUNDS_BY_STATUS = {4: Payment.REFUNDED, 14: Payment.PARTLY_REFUNDED}
# Offline methods (bank transfer, cash) leave no transaction: the merchant moving the order on is all there is.
_PAID_BY_STATUS = frozenset({2, 3, 8, 9, 10, 11})
_CREDIT_GATEWAYS = frozenset({"giftcertificate", "storecredit"})


def word_of(row: Row) -> str:
    """The order's payment status in small letters, "" where the platform keeps none."""
    return str(row.get("payment_status") or "").strip().lower()


def is_decided(row: Row) -> bool:
    """Whether the payment status alone says it. "Paid" on an order awaiting payment does not: it was edited since."""
    known = _WORDS.get(word_of(row))
    return known is not None and not (known is Payment.PAID and row.get("status_id") == _AWAITING_PAYMENT)


def payment_of(row: Row, transactions: Iterable[Row], currency: str) -> tuple[Payment, int]:
    """(what the platform says of the money, minor units still owed)."""
    credited = to_minor(row.get("store_credit_amount"), currency) + to_minor(row.get("gift_certificate_amount"), currency)
    due = max(0, to_minor(row.get("total_inc_tax"), currency) - credited)
    if is_decided(row):
        payment = _WORDS[word_of(row)]
        return (payment, due) if payment in _OWING and due else (_settled(payment), 0)
    if due == 0:
        return Payment.PAID, 0
    if row.get("status_id") in _REFUNDS_BY_STATUS:
        return _REFUNDS_BY_STATUS[row["status_id"]], 0
    return _by_transactions(row, [entry for entry in transactions if _counts(entry)], due, currency)


def _settled(payment: Payment) -> Payment:
    return Payment.PAID if payment in _OWING else payment


def _by_transactions(row: Row, transactions: list[Row], due: int, currency: str) -> tuple[Payment, int]:
    taken = _sum(transactions, {"purchase", "capture"}, currency)
    returned = _sum(transactions, {"refund"}, currency)
    if taken == 0:
        return _without_money(row, transactions, due)
    if returned:
        return (Payment.REFUNDED if returned >= taken else Payment.PARTLY_REFUNDED), 0
    return (Payment.PAID, 0) if taken >= due else (Payment.PARTLY_PAID, due - taken)


def _without_money(row: Row, transactions: list[Row], due: int) -> tuple[Payment, int]:
    if any(entry.get("event") == "authorization" for entry in transactions):
        return Payment.AUTHORIZED, due
    if word_of(row) != "pending" and row.get("status_id") in _PAID_BY_STATUS:
        return Payment.PAID, 0
    return Payment.UNPAID, due


def _counts(entry: Row) -> bool:
    """Only what succeeded; gift certificates and store credit stand in the order already."""
    return entry.get("status", "ok") == "ok" and entry.get("gateway") not in _CREDIT_GATEWAYS


def _sum(transactions: list[Row], events: set[str], currency: str) -> int:
    return sum(abs(to_minor(entry.get("amount"), currency)) for entry in transactions if entry.get("event") in events)
