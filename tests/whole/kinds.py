"""The table of everything an order can go through: each kind of change, and what must have come of it on each platform."""

from __future__ import annotations

from typing import Any

from tests.whole.conftest import wait_until
from tests.whole.walking import CHART, CLOTH, MUG, SOAP, TRUNK, Act, Kind, Then, Walk

DEPOT, PORT, CANEBIERE = "depot", "vieux-port", "canebiere"
APART = ((CHART, 2), (TRUNK, 1))
AWAY = {"location": CANEBIERE}
NO_PLACES = {"woocommerce": ("move", AWAY, "no locations"), "bigcommerce": ("move", AWAY, "no location")}
ONE_WORK = {"woocommerce": ("split", {}, "a second one"), "bigcommerce": ("split", {}, "does not divide")}


def edit(**quantities: int) -> Act:
    named = {"mug": MUG, "cloth": CLOTH, "soap": SOAP, "chart": CHART, "trunk": TRUNK}
    return lambda one: one.shop("edit", quantities={named[name]: units for name, units in quantities.items()})


def refund(sku: str = MUG, units: int = 1, *, restock: bool = True, **more: Any) -> Act:
    return lambda one: one.shop("refund", quantities={sku: units}, restock=restock, **more)


def shop(act: str, **body: Any) -> Act:
    return lambda one: one.shop(act, **body)


def then(*acts: Act) -> Act:
    def all_of(one: Walk) -> None:
        for act in acts:
            act(one)

    return all_of


def settled(state: str) -> Act:
    """Go on only when the order stands so here."""
    return lambda one: wait_until(lambda: one.shown()["state"] == state, every=0.05)


def staff(place: str, step: str, *options: str) -> Act:
    return lambda one: one.staff(place, step, *options)


def decided(choice: str, *options: str) -> Act:
    return lambda one: one.decide(choice, *options)


def at_depot(state: str = "new", **units: int) -> Then:
    """Everything at the depot in one part: an order that nobody packed holds its units, one that has left has taken them."""
    named = {MUG: units.get("mug", 0), CLOTH: units.get("cloth", 0), SOAP: units.get("soap", 0)}
    held = {sku: count for sku, count in named.items() if count}
    gone = state == "shipped"
    stock = {(sku, DEPOT): (-count, 0) if gone else (0, count) for sku, count in held.items()}
    return Then("completed" if gone else state, [(DEPOT, state, held)], stock=stock)


TOLD: Act = Walk.told
PACKED = then(staff(DEPOT, "pack"), TOLD)
WHOLE_LEFT = then(PACKED, staff(DEPOT, "ship", "--tracking", "T1"), TOLD)
FIRST_LEFT = then(staff(PORT, "pack"), staff(PORT, "ship"))  # of a divided order: the platform hears of it with the last part
NOTHING = Then("cancelled", [])
LEFT = {(MUG, DEPOT): (-3, 0), (CLOTH, DEPOT): (-1, 0)}
TO_PACK_AT = {place: [(place, "new", {MUG: 3, CLOTH: 1})] for place in (DEPOT, PORT, CANEBIERE)}
HELD_AT = {place: {(MUG, place): (0, 3), (CLOTH, place): (0, 1)} for place in (DEPOT, PORT, CANEBIERE)}


def moved_to(place: str) -> Then:
    return Then("new", TO_PACK_AT[place], stock=HELD_AT[place])


def gone_apart(*, back_at: str = "", trunk: bool = True, state: str = "in_progress", tasks: tuple[str, ...] = ()) -> Then:
    """A divided order of which the Vieux-Port shop's part has left."""
    stock = {(CHART, PORT): (-2, 0), **({(TRUNK, DEPOT): (0, 1)} if trunk else {})}
    if back_at:
        stock[CHART, back_at] = (stock.get((CHART, back_at), (0, 0))[0] + 2, 0)
    parts = [(PORT, "shipped", {CHART: 2}), *([(DEPOT, "new", {TRUNK: 1})] if trunk else [])]
    return Then(state, parts, tasks=tasks, stock=stock)


EDITS = (
    Kind("a line is added", edit(soap=2), at_depot(mug=3, cloth=1, soap=2)),
    Kind("a line is removed", edit(cloth=0), at_depot(mug=3)),
    Kind("a quantity goes up", edit(mug=5), at_depot(mug=5, cloth=1)),
    Kind("a quantity goes down", edit(mug=1), at_depot(mug=1, cloth=1)),
    Kind("a line is swapped", edit(cloth=0, soap=1), at_depot(mug=3, soap=1)),
    Kind(
        "an edit after packing",
        edit(mug=1, soap=1),
        Then(
            "in_progress",
            [(DEPOT, "packed", {MUG: 1, CLOTH: 1}), (DEPOT, "new", {SOAP: 1})],
            stock={(MUG, DEPOT): (0, 1), (CLOTH, DEPOT): (0, 1), (SOAP, DEPOT): (0, 1)},
        ),
        before=PACKED,
    ),
    Kind(
        "the address changes",
        then(
            shop("address", street="2 rue Neuve", city="Aix", postcode="13100"),
            lambda one: wait_until(lambda: "2 rue Neuve, 13100 Aix" in one.whole.ask("orders", "show", str(one.id))["ships_to"]),
        ),
        moved_to(DEPOT),
    ),
    Kind(
        "it is collected instead of sent",
        shop("handover", handover="pickup", pickup=CANEBIERE),
        moved_to(CANEBIERE),
        # BigCommerce's rate "Pickup in Store" names no place: it is linked to the Vieux-Port shop.
        on={"bigcommerce": (shop("handover", handover="pickup", pickup=CANEBIERE), moved_to(PORT))},
    ),
    # The goods may be sent from where they lie.
    Kind(
        "it is sent instead of collected",
        then(
            shop("handover", handover="delivery"),
            lambda one: wait_until(lambda: one.shown()["delivery"] == "delivery", every=0.05),
        ),
        moved_to(CANEBIERE),
        wanted={"handover": "pickup", "pickup": CANEBIERE},
        cannot={"bigcommerce": ("handover", {"handover": "delivery"}, "not turned into a parcel")},
    ),
)
REFUNDS = (
    Kind("a part is refunded with restock", refund(), at_depot(mug=2, cloth=1)),
    Kind("a part is refunded without restock", refund(restock=False), at_depot(mug=2, cloth=1)),
    Kind("all of it is refunded with restock", then(refund(units=3), refund(CLOTH)), NOTHING),
    Kind("all of it is refunded without restock", then(refund(units=3, restock=False), refund(CLOTH, restock=False)), NOTHING),
    Kind(
        "a refund after it left, with restock to a place",
        refund(units=2, location=CANEBIERE),
        Then("completed", [(DEPOT, "shipped", {MUG: 3, CLOTH: 1})], stock={**LEFT, (MUG, CANEBIERE): (2, 0)}),
        before=WHOLE_LEFT,
        on={
            "woocommerce": (
                refund(units=2),
                Then(  # which has no places: back to where it came from
                    "completed", [(DEPOT, "shipped", {MUG: 3, CLOTH: 1})], stock={**LEFT, (MUG, DEPOT): (-1, 0)}
                ),
            ),
            "bigcommerce": (
                refund(units=2),
                Then(  # whose partial refund never says that goods came back
                    "completed", [(DEPOT, "shipped", {MUG: 3, CLOTH: 1})], stock=LEFT
                ),
            ),
        },
    ),
    Kind(
        "a refund after it left, without restock",
        refund(units=2, restock=False),
        at_depot("shipped", mug=3, cloth=1),
        before=WHOLE_LEFT,
    ),
    Kind(
        "an exchange",
        then(refund(CLOTH), edit(soap=1)),
        Then(
            "in_progress",
            [(DEPOT, "shipped", {MUG: 3, CLOTH: 1}), (DEPOT, "new", {SOAP: 1})],
            stock={(MUG, DEPOT): (-3, 0), (SOAP, DEPOT): (0, 1)},
        ),
        before=WHOLE_LEFT,
        # Completed says that all of it has left: what is sent instead is an order of its own there.
        on={
            name: (refund(CLOTH), Then("completed", [(DEPOT, "shipped", {MUG: 3, CLOTH: 1})], stock=stock))
            for name, stock in (("woocommerce", {(MUG, DEPOT): (-3, 0)}), ("bigcommerce", LEFT))
        },
    ),
)
ENDINGS = (
    Kind("a cancel before packing", shop("cancel"), NOTHING),
    Kind("a cancel after packing", shop("cancel"), NOTHING, before=PACKED),
    Kind("a cancel we ask for", Walk.ask_to_cancel, NOTHING),
    Kind("a cancel we ask for after packing", then(Walk.ask_to_cancel, TOLD), NOTHING, before=PACKED),
    Kind(
        "one part of it is cancelled",
        edit(chart=0),
        Then("new", [(DEPOT, "new", {TRUNK: 1})], stock={(TRUNK, DEPOT): (0, 1)}),
        lines=APART,
    ),
    Kind(
        "it is opened again",
        then(shop("cancel"), settled("cancelled"), shop("reopen")),
        moved_to(DEPOT),
        cannot={"shopify": ("reopen", {}, "never takes the cancelling")},
    ),
    Kind(
        "a hold, and its release",
        then(
            shop("hold"),
            lambda one: wait_until(lambda: one.shown()["lifecycle"] == "on_hold"),
            shop("release"),
            lambda one: wait_until(lambda: one.shown()["lifecycle"] == "open"),
        ),
        moved_to(DEPOT),
        # On hold waits for the money there: the order stays open here.
        on={"woocommerce": (then(shop("hold"), shop("release")), moved_to(DEPOT))},
    ),
)
PLACES = (
    Kind("it is split on the platform", shop("split"), moved_to(DEPOT), cannot=ONE_WORK),
    Kind(
        "it is split and merged on the platform",
        then(shop("split"), shop("merge")),
        moved_to(DEPOT),
        cannot=dict.fromkeys(("woocommerce", "bigcommerce"), ("merge", {}, "does not merge")),
    ),
    Kind("the platform moves it", shop("move", location=CANEBIERE), moved_to(CANEBIERE), cannot=NO_PLACES),
    Kind(
        "the platform moves what is packed, and we follow",
        then(shop("move", location=CANEBIERE), decided("follow")),
        moved_to(CANEBIERE),
        before=PACKED,
        cannot=NO_PLACES,
    ),
    Kind(
        "the platform moves what is packed, and it stays",
        then(shop("move", location=CANEBIERE), decided("stay")),
        at_depot("packed", mug=3, cloth=1),
        before=PACKED,
        cannot=NO_PLACES,
    ),
)
HANDOVERS = (
    Kind("it is handed over on the platform", shop("fulfill"), at_depot("shipped", mug=3, cloth=1)),
    Kind("we take the handover back", then(staff(DEPOT, "unship"), TOLD), at_depot("packed", mug=3, cloth=1), before=WHOLE_LEFT),
    Kind(
        "we take it back, and send it again",
        then(staff(DEPOT, "unship"), TOLD, staff(DEPOT, "ship", "--tracking", "AGAIN"), TOLD),
        at_depot("shipped", mug=3, cloth=1),
        before=WHOLE_LEFT,
    ),
    Kind(
        "the platform takes the handover back, and so do we",
        then(shop("unship"), decided("unship")),
        at_depot("packed", mug=3, cloth=1),
        before=WHOLE_LEFT,
    ),
    Kind(
        "the platform takes the handover back, and we leave it",
        then(shop("unship"), decided("keep")),
        at_depot("shipped", mug=3, cloth=1),
        before=WHOLE_LEFT,
    ),
)
CONFLICTS = (  # what has left is never silently undone
    Kind("an edit after it left", edit(chart=0), gone_apart(tasks=("changed_after_handover",)), APART, FIRST_LEFT),
    Kind(
        "an edit after it left, and the goods came back",
        then(edit(chart=0), decided("came_back", "--at", CANEBIERE)),
        gone_apart(back_at=CANEBIERE),
        APART,
        FIRST_LEFT,
    ),
    Kind("an edit after it left, and the goods are lost", then(edit(chart=0), decided("lost")), gone_apart(), APART, FIRST_LEFT),
    Kind(
        "a cancel after it left",
        shop("cancel"),
        gone_apart(trunk=False, state="cancelled", tasks=("cancelled_after_handover",)),
        APART,
        FIRST_LEFT,
    ),
    Kind(
        "a cancel after it left, and the goods came back",
        then(shop("cancel"), decided("came_back", "--at", PORT)),
        gone_apart(trunk=False, state="cancelled", back_at=PORT),
        APART,
        FIRST_LEFT,
    ),
    Kind(
        "a cancel after it left, and it is left so",
        then(shop("cancel"), decided("keep")),
        gone_apart(trunk=False, state="cancelled"),
        APART,
        FIRST_LEFT,
    ),
)
STAFF = (
    Kind("staff move it", staff(DEPOT, "move", "--to", CANEBIERE), moved_to(CANEBIERE)),
    Kind("staff move some of it", staff(DEPOT, "split", "--to", PORT, "--line", f"{MUG}=1"), Then(
        "new", [(DEPOT, "new", {MUG: 2, CLOTH: 1}), (PORT, "new", {MUG: 1})],
        stock={(MUG, DEPOT): (0, 2), (MUG, PORT): (0, 1), (CLOTH, DEPOT): (0, 1)})),
    Kind("a location rejects it", staff(DEPOT, "reject", "--reason", "damaged"), moved_to(PORT)),
    Kind("it is packed short", staff(DEPOT, "short", "--line", f"{MUG}=1"), Then(
        "in_progress", [(DEPOT, "packed", {MUG: 1}), (PORT, "new", {MUG: 2, CLOTH: 1})],
        stock={(MUG, DEPOT): (0, 1), (MUG, PORT): (0, 2), (CLOTH, PORT): (0, 1)})),
)  # fmt: skip


FAMILIES = {
    "edits": EDITS, "refunds": REFUNDS, "endings": ENDINGS, "places": PLACES, "handovers": HANDOVERS, "conflicts": CONFLICTS,
    "staff": STAFF,
}  # fmt: skip
