"""`connector fulfill ID STEP`: what staff do with a part of an order."""

from __future__ import annotations

import click

from connector.domain.fulfillment import Step
from connector.flow import fulfill as story
from connector.platform import Tracking
from jobs.commands.session import json_option, session, show_one, wake
from jobs.environment import now


@click.command()
@click.argument("part_id", metavar="ID", type=int)
@click.argument("step", type=click.Choice([step.value for step in Step]))
@click.option("--tracking", default="", help="The parcel's number (ship).")
@click.option("--carrier", default="", help="Who carries it (ship).")
@click.option("--tracking-url", default="", help="Where it can be followed (ship).")
@json_option
def fulfill(part_id: int, step: str, tracking: str, carrier: str, tracking_url: str, as_json: bool) -> None:
    """Take a STEP with the part ID of an order. `connector orders show` lists an order's parts.

    \b
    Examples:
      connector fulfill 17 start
      connector fulfill 17 pack
      connector fulfill 17 ready                 (pickup: the customer may come)
      connector fulfill 17 pick-up
      connector fulfill 18 ship --tracking 1Z999 --carrier UPS --tracking-url https://…
      connector fulfill 18 unpack
    """
    parcel = Tracking(tracking, carrier, tracking_url)
    if step != Step.SHIP and parcel != Tracking():
        raise click.UsageError("Tracking belongs to the step ship.")
    with session() as env:
        moved = story.move(env.engine, part_id, Step(step), now(), actor="cli", tracking=parcel if step == Step.SHIP else None)
        wake(env, moved.wakes)
        show_one({"id": part_id, "state": moved.state, "order_state": moved.order_state}, as_json=as_json)


COMMANDS = (fulfill,)
