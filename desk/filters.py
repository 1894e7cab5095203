"""A list's filter as the words of its address, and back. What makes no sense there is left out, never an error."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime

from connector.db.order_views import OrderFilter, OrderRow
from connector.domain.text import storable

PAGE_ROWS = 50
_MOST_LETTERS = 100
_LARGEST_ID = 2**63 - 1


def from_args(args: Mapping[str, str], *, history: bool) -> OrderFilter:
    """The filter an address asks for."""
    return OrderFilter(
        history=history,
        state=_word(args, "state"),
        handover=_word(args, "type"),
        payment=_word(args, "payment"),
        location_id=number(args, "location"),
        shop_id=number(args, "shop"),
        search=_text(args, "q"),
        attention=args.get("attention") == "1",
        month=_month(args.get("month", "")),
        assigned_to=number(args, "staff"),
        supplier_id=number(args, "supplier"),
        before=_key(args.get("after", "")),
        limit=PAGE_ROWS + 1,
        oldest_first=args.get("sort") == "oldest",
    )


def to_args(wanted: OrderFilter, **changes: object) -> dict[str, str]:
    """The address words of the filter with `changes`; a changed filter starts again at the first page."""
    fresh = dataclasses.replace(wanted, **{"before": None, **changes})  # type: ignore[arg-type]
    words = {
        "state": fresh.state,
        "type": fresh.handover,
        "payment": fresh.payment,
        "location": str(fresh.location_id or ""),
        "shop": str(fresh.shop_id or ""),
        "q": fresh.search,
        "attention": "1" if fresh.attention else "",
        "month": f"{fresh.month:%Y-%m}" if fresh.month else "",
        "staff": str(fresh.assigned_to or ""),
        "supplier": str(fresh.supplier_id or ""),
        "sort": "oldest" if fresh.oldest_first else "",
        "after": f"{fresh.before[0].timestamp():.6f}_{fresh.before[1]}" if fresh.before else "",
    }
    return {name: word for name, word in words.items() if word}


def narrowed(wanted: OrderFilter) -> bool:
    """Whether the filter leaves anything out."""
    return bool(set(to_args(wanted)) - {"sort", "after"})


def following(rows: list[OrderRow]) -> tuple[datetime, int] | None:
    """Where the next page continues; None where this is the last. One row more than a page was read to know."""
    return (rows[PAGE_ROWS - 1].placed_at, rows[PAGE_ROWS - 1].id) if len(rows) > PAGE_ROWS else None


def _text(args: Mapping[str, str], name: str) -> str:
    return storable(args.get(name, "")).strip()[:_MOST_LETTERS]


def _word(args: Mapping[str, str], name: str) -> str:
    word = args.get(name, "")
    return word if word.replace("_", "").isalpha() and word.isascii() else ""


def number(args: Mapping[str, str], name: str) -> int | None:
    """A whole number from 0 on, None where it is none."""
    digits = args.get(name, "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 and int(digits) <= _LARGEST_ID else None


def _month(text: str) -> datetime | None:
    try:
        month = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC) if len(text) == 7 else None
    except ValueError:
        return None
    return month if month and 2000 <= month.year < 9999 else None


def _key(text: str) -> tuple[datetime, int] | None:
    try:
        seconds, _, order_id = text.partition("_")
        key = (datetime.fromtimestamp(float(seconds), UTC), int(order_id))
    except (ValueError, OverflowError, OSError):
        return None
    return key if 0 < key[1] <= _LARGEST_ID else None
