"""What a story asks its door to ring for once its transaction has been committed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wake:
    """`task` (a name in `jobs.queue.TASKS`: "ingest", "deliver", "backfill" …) has something to do for the shop."""

    task: str
    shop_id: int
