"""`connector fulfill ID STEP`: what staff do with a part of an order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

import click

from connector.domain.fulfillment import Step
from connector.flow import fulfill as story
from connector.flow import reroute
from connector.flow.reroute import REASONS, Rerouted
from connector.platform import Tracking
from jobs.commands.session import json_option, session, show_one, wake
from jobs.environment import Environment, now


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options of the steps that send a part another way."""

    to: str
    quantities: dict[str, int] | None
    reason: str
    note: str


def _move(env: Environment, part_id: int, asked: _Asked) -> Rerouted:
    return reroute.move(env.engine, part_id, asked.to, now(), actor="cli", quantities=asked.quantities, note=asked.note)


def _reject(env: Environment, part_id: int, asked: _Asked) -> Rerouted:
    reason = asked.reason or "other"
    return reroute.reject(env.engine, part_id, now(), actor="cli", reason=reason, quantities=asked.quantities, note=asked.note)


def _short(env: Environment, part_id: int, asked: _Asked) -> Rerouted:
    return reroute.pack_short(env.engine, part_id, asked.quantities or {}, now(), actor="cli", note=asked.note)


def _unship(env: Environment, part_id: int, asked: _Asked) -> Rerouted:
    return reroute.unship(env.engine, part_id, now(), actor="cli", note=asked.note)


_Way = Callable[[Environment, int, _Asked], Rerouted]
# Step -> (what does it, which options it takes, which of them it needs).
_WAYS: dict[str, tuple[_Way, frozenset[str], frozenset[str]]] = {
    "move": (_move, frozenset({"to", "quantities", "note"}), frozenset({"to"})),
    "split": (_move, frozenset({"to", "quantities", "note"}), frozenset({"to", "quantities"})),
    "reject": (_reject, frozenset({"quantities", "reason", "note"}), frozenset()),
    "short": (_short, frozenset({"quantities", "note"}), frozenset()),
    "unship": (_unship, frozenset({"note"}), frozenset()),
}
_OPTIONS = {"to": "--to", "quantities": "--line", "reason": "--reason", "note": "--note"}


@click.command()
@click.argument("part_id", metavar="ID", type=int)
@click.argument("step", type=click.Choice([*(step.value for step in Step), *_WAYS]))
@click.option("--tracking", default="", help="The parcel's number (ship).")
@click.option("--carrier", default="", help="Who carries it (ship).")
@click.option("--tracking-url", default="", help="Where it can be followed (ship).")
@click.option("--to", default="", help="The code of the location that prepares it (move, split).")
@click.option(
    "--line",
    "quantities",
    multiple=True,
    metavar="SKU=UNITS",
    help="So many units: to move, split or reject; with short, those that were picked. Repeatable.",
)
@click.option("--reason", type=click.Choice(REASONS), default=None, help="Why the location cannot give it (reject).")
@click.option("--note", default="", help="A word to the reason (move, split, reject, short, unship).")
@json_option
def fulfill(part_id: int, step: str, tracking: str, carrier: str, tracking_url: str, as_json: bool, **more: object) -> None:
    """Take a STEP with the part ID of an order. `connector orders show` lists an order's parts.

    \b
    Examples:
      connector fulfill 17 start
      connector fulfill 17 pack
      connector fulfill 17 ready                 (pickup: the customer may come)
      connector fulfill 17 pick-up
      connector fulfill 18 ship --tracking 1Z999 --carrier UPS --tracking-url https://…
      connector fulfill 18 unpack
    \b
    Another way:
      connector fulfill 18 move --to depot                        (another location prepares it)
      connector fulfill 18 split --to depot --line MAR-TS-M=1     (one unit of it)
      connector fulfill 18 reject --reason damaged --note "water" (others give it; this location is not asked again)
      connector fulfill 18 short --line MAR-TS-M=1                (only this was found: it is packed, the rest goes elsewhere)
      connector fulfill 18 unship                                 (it did not leave after all)
    """
    parcel = Tracking(tracking, carrier, tracking_url)
    if step != Step.SHIP and parcel != Tracking():
        raise click.UsageError("Tracking belongs to the step ship.")
    asked = _asked(step, **more)
    with session() as env:
        if step in _WAYS:
            done = _WAYS[step][0](env, part_id, asked)
            wake(env, done.wakes)
            show_one(_standing(done), as_json=as_json, words=_in_words)
            return
        moved = story.move(env.engine, part_id, Step(step), now(), actor="cli", tracking=parcel if step == Step.SHIP else None)
        wake(env, moved.wakes)
        show_one({"id": part_id, "state": moved.state, "order_state": moved.order_state}, as_json=as_json)


def _asked(step: str, to: object, quantities: object, reason: object, note: object) -> _Asked:
    """The options, checked against what the step takes and needs."""
    units = units_of(quantities) if isinstance(quantities, Iterable) else {}
    asked = _Asked(str(to), units or None, str(reason or ""), str(note))
    _, taken, needed = _WAYS.get(step, (None, frozenset[str](), frozenset[str]()))
    given = {field.name for field in fields(asked) if getattr(asked, field.name)}
    if foreign := given - taken:
        raise click.UsageError(f"{', '.join(sorted(_OPTIONS[name] for name in foreign))}: not with the step {step}.")
    if missing := needed - given:
        raise click.UsageError(f"The step {step} needs {', '.join(sorted(_OPTIONS[name] for name in missing))}.")
    return asked


def units_of(written: Iterable[object]) -> dict[str, int]:
    """SKU=UNITS as written on the command line."""
    found: dict[str, int] = {}
    for entry in written:
        sku, equals, units = str(entry).rpartition("=")
        if not equals or not sku or not (units.isascii() and units.isdigit()):
            raise click.UsageError(f"{str(entry)[:60]!r} is not SKU=UNITS.")
        found[sku] = found.get(sku, 0) + int(units)
    return found


def _standing(done: Rerouted) -> dict[str, object]:
    parts = [dict(zip(("id", "location", "state", "units"), part, strict=True)) for part in done.parts]
    return {"order": done.order_id, "fulfillment_orders": parts, "backordered": done.backordered}


def _in_words(shown: dict[str, list[dict[str, object]]]) -> None:
    for part in shown["fulfillment_orders"]:
        click.echo(f"part {part['id']}  {part['location']}  {part['state']}  {_units(part['units'])}")
    if shown["backordered"]:
        one = _units(shown["backordered"]) == "1 unit"
        click.echo(f"{_units(shown['backordered'])} {'waits' if one else 'wait'} as a backorder.")


def _units(count: object) -> str:
    return "1 unit" if count == 1 else f"{count} units"


COMMANDS = (fulfill,)
