"""Walking an order of each shop through one kind of change, and saying what must have come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.domain.tasks import TASKS
from tests.whole.conftest import Whole, wait_until

PLATFORMS = ("shopify", "woocommerce", "bigcommerce")
MUG, CLOTH, SOAP = "MUG-PHARE", "TORCHON-LIN", "SAVON-OLIVE"  # in every place; the depot comes first
CHART, TRUNK = "CARTE-COTES", "MALLE-OSIER"  # in one place each, the Vieux-Port shop and the depot: an order of both is divided

_PATIENCE_SECONDS = 40.0

Part = tuple[str, str, Mapping[str, int]]  # location code, state, SKU -> units
Level = tuple[str, str]  # SKU, location code


@dataclass
class Walk:
    """One order in one shop."""

    whole: Whole
    platform: str
    placed: str = ""
    id: int = 0

    def shop(self, act: str, **body: Any) -> None:
        """The merchant does it on the platform."""
        self.whole.sandbox("POST", f"{self.platform}/orders/{self.placed}/{act}", body)

    def refused_by_shop(self, act: str, body: Mapping[str, Any]) -> str:
        """The platform refuses it: its words."""
        return self.whole.sandbox_refuses("POST", f"{self.platform}/orders/{self.placed}/{act}", body)

    def staff(self, place: str, step: str, *options: str) -> None:
        """Staff of a location act on their part, the latest where there are several."""
        part = max(part["id"] for part in self.shown()["fulfillment_orders"] if part["location"] == place)
        self.whole.run("fulfill", str(part), step, *options)

    def ask_to_cancel(self) -> None:
        """The platform is asked to cancel it, by command; what becomes of that it says itself."""
        self.whole.run("orders", "cancel", str(self.id))

    def told(self) -> None:
        """The platform has heard of everything done here."""
        wait_until(lambda: not [row for row in self.shown()["told"] if row["state"] == "waiting"], every=0.05)

    def decide(self, choice: str, *options: str) -> None:
        """A person decides the one task of the order."""
        wait_until(lambda: TASKS.keys() & set(self.shown()["attention"]), every=0.05)
        [task] = self.whole.ask("tasks", "list", "--order", str(self.id))
        self.whole.run("tasks", "decide", str(task["id"]), choice, *options)

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.whole.read(f"orders/{self.id}")
        return found

    def stands(self) -> dict[str, Any]:
        """What `Then` names, as it is now."""
        order = self.shown()
        return {
            "state": order["state"],
            "parts": sorted(
                (part["location"], part["state"], sorted((line["sku"], line["quantity"]) for line in part["lines"]))
                for part in order["fulfillment_orders"]
                if part["state"] != "cancelled"
            ),
            "waits": order["backordered"],
            "tasks": sorted(TASKS.keys() & set(order["attention"])),
        }


Act = Callable[[Walk], None]


@dataclass(frozen=True)
class Then:
    """How an order stands afterwards: its state, the parts that are alive, units that wait, open tasks; and by how much on
    hand and committed have changed since before it was placed, by SKU and location."""

    state: str
    parts: Sequence[Part]
    waits: int = 0
    tasks: Sequence[str] = ()
    stock: Mapping[Level, tuple[int, int]] = field(default_factory=dict)

    def named(self) -> dict[str, Any]:
        parts = sorted((place, state, sorted(units.items())) for place, state, units in self.parts)
        return {"state": self.state, "parts": parts, "waits": self.waits, "tasks": sorted(self.tasks)}


@dataclass(frozen=True)
class Kind:
    """One kind of change: the order's lines, what staff had done before, the change, and what must come of it.

    `on` replaces change and result for a platform; where it does not have this kind at all, `cannot` is the act it refuses,
    with its body, and words of the platform's fact that it gives for it.
    """

    name: str
    act: Act
    then: Then
    lines: tuple[tuple[str, int], ...] = ((MUG, 3), (CLOTH, 1))
    before: Act | None = None
    on: Mapping[str, tuple[Act, Then]] = field(default_factory=dict)
    cannot: Mapping[str, tuple[str, Mapping[str, Any], str]] = field(default_factory=dict)
    wanted: Mapping[str, Any] = field(default_factory=dict)


def walk(whole: Whole, kinds: Sequence[Kind]) -> None:
    """All these kinds in all shops at once: place, prepare, change, wait until each order stands as it must and the books are
    proved; at last on hand and committed must have moved by exactly what all of them say together."""
    before = levels(whole)
    walks = [(Walk(whole, platform), kind) for kind in kinds for platform in PLATFORMS]
    for one, kind in walks:
        one.placed = whole.order(one.platform, *kind.lines, **kind.wanted)
    _find(whole, [one for one, _ in walks])
    for one, kind in walks:
        if kind.before is not None:
            kind.before(one)
    wanted = [_changed(one, kind) for one, kind in walks]
    for (one, kind), then in zip(walks, wanted, strict=True):
        _comes(one.stands, then.named(), f"{kind.name}, {one.platform}")
        if one.platform == PLATFORMS[-1]:
            assert "Everything adds up." in whole.run("stock", "verify")
    moved: Counter[tuple[Level, str]] = Counter()
    for then in wanted:
        for level, (on_hand, committed) in then.stock.items():
            moved.update({(level, "on hand"): on_hand, (level, "committed"): committed})
    _comes(lambda: _differences(before, levels(whole)), {key: units for key, units in moved.items() if units}, "stock")
    assert "Everything adds up." in whole.run("stock", "verify")


def _find(whole: Whole, walks: Sequence[Walk]) -> None:
    """Wait until all of these orders have arrived."""

    def all_arrived() -> bool:
        found = whole.read("orders?limit=100")["orders"]
        ids = {(order["platform"], order["external_id"].rpartition("/")[2]): order["id"] for order in found}
        for one in walks:
            one.id = ids.get((one.platform, one.placed.rpartition("/")[2]), 0)
        return all(one.id for one in walks)

    wait_until(all_arrived, every=0.05)


def _changed(one: Walk, kind: Kind) -> Then:
    """Make the change; where the platform cannot, see that it refuses, and end the order. What must come of it."""
    if one.platform not in kind.cannot:
        act, then = kind.on.get(one.platform, (kind.act, kind.then))
        act(one)
        return then
    act, body, fact = kind.cannot[one.platform]
    assert fact in one.refused_by_shop(act, body)
    one.shop("cancel")
    return Then("cancelled", [])


def _comes(now: Callable[[], Any], wanted: Any, what: str) -> None:
    try:
        wait_until(lambda: now() == wanted, seconds=_PATIENCE_SECONDS, every=0.05)
    except AssertionError:
        raise AssertionError(f"{what}: wanted {wanted}, it stands {now()}") from None


def levels(whole: Whole) -> dict[tuple[Level, str], int]:
    """On hand and committed of every SKU these orders are of, by location."""
    found = ((sku, whole.read(f"items/{sku}/stock")["locations"]) for sku in (MUG, CLOTH, SOAP, CHART, TRUNK))
    rows = [((sku, row["location"]), row) for sku, places in found for row in places]
    return {(level, name): row[key] for level, row in rows for name, key in (("on hand", "on_hand"), ("committed", "committed"))}


def _differences(before: Mapping[Any, int], after: Mapping[Any, int]) -> dict[Any, int]:
    return {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}
