"""What is divided over what: the values that allocation and routing share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.domain.distance import Point

Step = dict[str, Any]
Stock = Mapping[tuple[int, int], int]  # (item id, location id) -> available units
Taking = dict[int, dict[int, int]]  # location id -> line id -> units

DEFAULT_ROUTING = ("assigned", "priority", "single_location", "keep_lines_whole", "fewest_parts")


@dataclass(frozen=True, slots=True)
class Need:
    """So many units of an item for one order line."""

    line_id: int
    item_id: int
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Place:
    """A location that may give stock; the lowest `priority` comes first. `enabled`: open to online orders."""

    id: int
    name: str
    priority: int = 100
    enabled: bool = True
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What binds the choice: the place the customer collects at, or the places the platform assigned, by line; and how the
    shop wants to choose.

    `routing` are names of `connector.domain.routing`, in the shop's order. `load` is location id -> parts still to be packed
    there. `oversell`: what nobody has is promised all the same, below zero, instead of waiting. `unpaid`: nothing is set aside
    before the payment. `refused` is item id -> locations that could not give it to this order: they are not asked again.
    `in_turn` are items that are kept for earlier orders just now.
    """

    pickup: bool = False
    pickup_location_id: int | None = None
    pickup_name: str = ""
    assigned: Mapping[int, int] = field(default_factory=dict)
    platform: str = ""
    routing: Sequence[str] = DEFAULT_ROUTING
    destination: Point | None = None
    load: Mapping[int, int] = field(default_factory=dict)
    oversell: bool = False
    unpaid: bool = False
    refused: Mapping[int, frozenset[int]] = field(default_factory=dict)
    in_turn: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Allocation:
    """Who gives what, what nobody can give, and the explanation of both."""

    taking: Taking
    backordered: dict[int, int]
    reason: list[Step]


def in_order(taking: Taking, places: Sequence[Place]) -> Taking:
    """The same, the first choice first."""
    return {place.id: taking[place.id] for place in places if place.id in taking}
