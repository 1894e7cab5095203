"""The quantity a shop shows: what is available over the locations behind a spot, less the buffer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def shown(available: Mapping[tuple[int, int], int], item_id: int, location_ids: Iterable[int], buffer: int) -> int:
    """Units to show of an item that may be taken from these locations; never below zero.

    A location that owes more than it has lowers the sum: its orders have to be served from somewhere.
    """
    return max(0, sum(available.get((item_id, location), 0) for location in location_ids) - buffer)
