"""What a story asks its door to ring for once its transaction has been committed."""

from __future__ import annotations

from dataclasses import dataclass

EVERYWHERE = 0  # in place of a shop's id: the task is of the whole, not of one shop


@dataclass(frozen=True, slots=True)
class Wake:
    """`task` (a name in `jobs.queue.TASKS`: "ingest", "deliver" …) has something to do for the shop, or EVERYWHERE.

    Of the task "events" the number is an endpoint's.
    """

    task: str
    shop_id: int
