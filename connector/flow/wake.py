"""What a story asks its door to ring for once its transaction has been committed."""

from __future__ import annotations

from dataclasses import dataclass

EVERYWHERE = 0  # in place of a shop's id: the task is of the whole, not of one shop


@dataclass(frozen=True, slots=True)
class Wake:
    """`task` has something to do: "ingest", "deliver" or "poll" for the shop, "refill" or "verify" for EVERYWHERE."""

    task: str
    shop_id: int
