"""One order while it is being decided: what is known of it, and what it becomes. Loading reads; deciding is pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, select

from connector.db import changes, goods, orders, outbox, tasks
from connector.db.orders import Head, LineRow
from connector.db.tables import shops
from connector.db.tasks import TaskRow
from connector.domain import routing
from connector.domain.allocation import Place, Wish
from connector.domain.differences import Difference, HeldPart, WantedLine, difference, gone
from connector.domain.distance import point
from connector.domain.fulfillment import State
from connector.domain.handing import Count, depart, gave, handed_over
from connector.domain.orders import Handover, Lifecycle, LineKind, owed_minor
from connector.domain.settings import value

STOCKED = frozenset({LineKind.PHYSICAL.value})


@dataclass(frozen=True, slots=True)
class Back:
    """So many units of a line have come back in all, says `source`. `location` is the platform's id of the place."""

    line_id: int
    source: str
    quantity: int
    location: str = ""
    left: bool = True


@dataclass(frozen=True, slots=True)
class News:
    """What an arrival changed that the stored order does not tell: lines the platform assigned to another place, units it no
    longer counts as handed over, and what came back."""

    following: frozenset[int] = frozenset()
    withdrawn: Mapping[int, int] = field(default_factory=dict)
    back: tuple[Back, ...] = ()


@dataclass(frozen=True, slots=True)
class CameBack:
    """Units to put on the shelf; `total` is what the source says in all, with them."""

    line_id: int
    location_id: int
    units: int
    source: str
    total: int


@dataclass(frozen=True, slots=True)
class Draft:
    """An order that is decided before it is written: its head and lines as they are to stand."""

    head: Head
    lines: list[LineRow]


@dataclass(slots=True)
class Case:
    """What is known (above) and what is decided (below)."""

    head: Head
    lines: list[LineRow]
    parts: list[HeldPart]
    shop_name: str
    settings: Mapping[str, Any]
    links: Mapping[str, int]
    told: set[tuple[str, int]]
    load: dict[int, int]
    refused: Mapping[int, frozenset[int]]
    returned: dict[tuple[int, str], int]
    tasks: list[TaskRow]
    news: News
    written: Mapping[str, Any] | None = None  # of the order's own row, where it was written as decided
    behind: frozenset[int] = frozenset()  # items that came free, and an earlier order waits for
    found: Difference = field(init=False)
    after: list[HeldPart] = field(init=False)
    departing: list[HeldPart] = field(init=False)
    elsewhere: dict[int, int] = field(init=False)
    returning: list[CameBack] = field(init=False)

    @property
    def items(self) -> dict[int, int]:
        """Line id -> item id."""
        return {line.id: line.item_id for line in self.lines if line.item_id is not None}

    @property
    def came_back(self) -> dict[int, int]:
        """Line id -> units that left and are here again."""
        units: dict[int, int] = {}
        for (line, _), count in self.returned.items():
            units[line] = units.get(line, 0) + count
        return units


def load(conn: Connection, order_ids: Sequence[int], drafts: Mapping[int, Draft], news: Mapping[int, News]) -> list[Case]:
    """The orders, locked, with everything deciding needs. Of drafts nothing is in the base yet."""
    known = [order_id for order_id in order_ids if order_id not in drafts]
    heads = {order_id: draft.head for order_id, draft in drafts.items()} | (orders.lock_by_ids(conn, known) if known else {})
    lines = {order_id: draft.lines for order_id, draft in drafts.items()} | (orders.lines_of(conn, known) if known else {})
    parts = orders.parts_of(conn, known) if known else {}
    told = outbox.told(conn, known) if known else {}
    refused = changes.refusals(conn, known) if known else {}
    returned = changes.returned(conn, known) if known else {}
    open_tasks = tasks.of_orders(conn, known) if known else {}
    shop_ids = {head.shop_id for head in heads.values()}
    named = {
        row.id: row for row in conn.execute(select(shops.c.id, shops.c.name, shops.c.settings).where(shops.c.id.in_(shop_ids)))
    }
    links = {shop_id: goods.linked_locations(conn, shop_id) for shop_id in shop_ids}
    balanced = any("least_loaded" in routing.chosen(row.settings.get("routing")) for row in named.values())
    open_parts = goods.open_parts(conn) if balanced else {}
    return [
        Case(
            head=head,
            lines=lines.get(head.id, []),
            parts=parts.get(head.id, []),
            shop_name=named[head.shop_id].name,
            settings=named[head.shop_id].settings,
            links=links[head.shop_id],
            told=told.get(head.id, set()),
            load=open_parts,
            refused=refused.get(head.id, {}),
            returned=returned.get(head.id, {}),
            tasks=open_tasks.get(head.id, []),
            news=news.get(head.id, News()),
        )
        for head in (heads[order_id] for order_id in dict.fromkeys(order_ids))
    ]


def decide(case: Case, places: Sequence[Place], available: Mapping[tuple[int, int], int], numbers: Iterator[int]) -> None:
    """Find the difference, and what the parts are after it; then what others handed over leaves, and what is back comes in."""
    free = (
        {pair: min(0, units) if pair[0] in case.behind else units for pair, units in available.items()}
        if case.behind
        else available
    )
    case.found = difference(_wanted(case), case.parts, places, free, wish(case), following=case.news.following)
    changed = {part.id: part for part in case.found.parts if part.id is not None}
    after = [_changed(part, changed[part.id].lines) if part.id in changed else part for part in case.parts]
    after += [HeldPart(next(numbers), part.location_id, State.NEW, part.lines) for part in case.found.parts if part.id is None]
    for part in after[len(case.parts) :]:
        case.load[part.location_id] = case.load.get(part.location_id, 0) + 1
    case.found.reason.extend({"code": "held_by_tag", "tag": tag} for tag in held_by(case.head.tags, case.settings))
    _hand_over(case, after, numbers)
    _take_in(case)


def _hand_over(case: Case, after: list[HeldPart], numbers: Iterator[int]) -> None:
    whole = case.head.lifecycle == Lifecycle.COMPLETED
    units = handed_over(_counts(case), after, whole=whole)
    left = State.PICKED_UP if case.head.handover == Handover.PICKUP else State.SHIPPED
    departed = depart(after, units, left, _assigned(case), numbers)
    case.after, case.departing = departed.parts, departed.leaving
    case.elsewhere = {} if whole else departed.without
    if not case.elsewhere:
        return
    waiting = {line: units - case.elsewhere.get(line, 0) for line, units in case.found.backordered.items()}
    case.found = replace(case.found, backordered={line: units for line, units in waiting.items() if units > 0})


def _counts(case: Case) -> dict[int, Count]:
    return {
        line.id: Count(
            line.quantity - line.left_before, max(0, line.fulfilled - line.left_before), line.elsewhere, line.taken_back
        )
        for line in case.lines
        if line.item_id is not None and not case.head.history and (line.kind in STOCKED or line.kind == LineKind.CUSTOM)
    }


def _take_in(case: Case) -> None:
    """What came back of the goods that have left, each unit once: the difference to what is noted of the same source."""
    left, back = gone(case.after), case.came_back
    case.returning = []
    for said in case.news.back:
        known = case.returned.get((said.line_id, said.source), 0)
        most = left.get(said.line_id, 0) - back.get(said.line_id, 0)
        if not said.left:
            most = min(most, _excess(case).get(said.line_id, 0))
        units = min(said.quantity - known, most)
        place = case.links.get(said.location) or gave(case.after, said.line_id)
        if units > 0 and place is not None and said.line_id in case.items:
            case.returning.append(CameBack(said.line_id, place, units, said.source, known + units))
            back[said.line_id] = back.get(said.line_id, 0) + units
            case.returned[said.line_id, said.source] = known + units


def conflicts(case: Case) -> dict[int, int]:
    """Units by line that have left, are not wanted and did not come back."""
    now_back: dict[int, int] = {}
    for entry in case.returning:
        now_back[entry.line_id] = now_back.get(entry.line_id, 0) + entry.units
    rest = {line: units - now_back.get(line, 0) for line, units in _excess(case).items()}
    return {line: units for line, units in rest.items() if units > 0}


def _excess(case: Case) -> Mapping[int, int]:
    """Units that have left and should not have: of a cancelled order all of them."""
    if case.head.lifecycle != Lifecycle.CANCELLED:
        return case.found.conflicts
    back = dict(case.came_back)
    for entry in case.returning:
        back[entry.line_id] = back.get(entry.line_id, 0) - entry.units
    return {line: units - back.get(line, 0) for line, units in gone(case.after).items()}


def _changed(part: HeldPart, lines: Mapping[int, int]) -> HeldPart:
    return replace(part, lines=lines) if lines else replace(part, state=State.CANCELLED)


def _wanted(case: Case) -> list[WantedLine]:
    back = case.came_back
    return [
        WantedLine(
            line.id,
            line.item_id if line.kind in STOCKED or line.kind == LineKind.CUSTOM else None,
            line.sku,
            line.title,
            0 if case.head.history else _units_wanted(line, cancelled=case.head.lifecycle == Lifecycle.CANCELLED),
            stocked=line.kind in STOCKED,
            came_back=back.get(line.id, 0),
            refused=case.refused.get(line.id, frozenset()),
        )
        for line in case.lines
        if line.kind != LineKind.BUNDLE
    ]


def _units_wanted(line: LineRow, *, cancelled: bool) -> int:
    """What our parts are to hold or to have handed over. Of a cancelled order only what the platform says has left: a person
    is asked about it, whichever delivery told us first."""
    wanted = min(line.quantity, line.fulfilled) - line.taken_back if cancelled else line.quantity
    return max(0, wanted - line.elsewhere - line.left_before)


def held_by(tags: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
    """The tags of an order by which its shop keeps it from being packed (setting `hold_tags`)."""
    holding = {str(tag).casefold() for tag in settings.get("hold_tags") or ()}
    return [tag for tag in tags if tag.casefold() in holding]


def below_zero(settings: Mapping[str, Any]) -> bool:
    """Whether the shop sells what is not there (setting `oversell`)."""
    return bool(settings.get("oversell") == "negative")


def _assigned(case: Case) -> dict[int, int]:
    return {line.id: case.links[line.assigned_location] for line in case.lines if line.assigned_location in case.links}


def wish(case: Case) -> Wish:
    """What binds the choice of locations, and how this shop chooses among them."""
    return replace(
        _bound(case),
        routing=routing.chosen(case.settings.get("routing")),
        destination=point(case.head.destination),
        load=case.load,
        oversell=below_zero(case.settings),
        unpaid=_waits_for_payment(case),
        in_turn=case.behind,
    )


def _waits_for_payment(case: Case) -> bool:
    """Whether nothing is set aside for the order yet (setting `commit_when`). What is set aside stays so, whatever is owed
    later; and what the platform says has left is not waited for."""
    if value(case.settings, "commit_when") == "placed" or any(part.state is not State.CANCELLED for part in case.parts):
        return False
    head, authorized = case.head, bool(value(case.settings, "accept_authorized"))
    owed = owed_minor(head.payment, head.outstanding_minor, head.recorded_minor, accept_authorized=authorized)
    begun = any(line.fulfilled > line.left_before for line in case.lines)
    return owed > 0 and head.lifecycle in (Lifecycle.OPEN, Lifecycle.ON_HOLD) and not begun


def _bound(case: Case) -> Wish:
    """Where the customer collects, or what the platform assigned."""
    if case.head.handover == Handover.PICKUP:
        place = case.links.get(case.head.pickup_location)
        return Wish(pickup=True, pickup_location_id=place, pickup_name=case.head.pickup_location)
    return Wish(assigned=_assigned(case), platform=case.shop_name)
