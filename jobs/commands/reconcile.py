"""`connector reconcile`: what differs between us and a shop, found and mended now instead of tonight."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import click

from connector.db import drifts
from connector.db.drifts import Drift
from connector.domain.drift import STOCK
from connector.flow import compare, shops, watchdog
from connector.flow import reconcile as story
from connector.platform import Flaw, Shop
from jobs.commands.session import json_option, limit_option, platform_of, session, shop_named, show_list, show_one, wake
from jobs.environment import Environment, now


@click.command()
@click.argument("shop")
@click.option("--dry-run", is_flag=True, help="Only say what differs.")
@click.option("--repair", is_flag=True, help="Mend what differs (this is what happens without any option).")
@click.option("--minutes", type=click.FloatRange(0, 1440), default=10, show_default=True, help="Leave younger changes alone.")
@json_option
def reconcile(shop: str, dry_run: bool, repair: bool, minutes: float, as_json: bool) -> None:
    """Compare a SHOP's orders, published stock and webhook subscriptions with ours, and mend what differs.

    The same happens by itself: changed orders are read every few minutes, subscriptions are looked at every hour, and all
    orders are compared every night.
    """
    if dry_run and repair:
        raise click.UsageError("Give --dry-run or --repair, not both.")
    with session() as env:
        known = shops.by_id(env.engine, env.seal, shop_named(env, shop))
        flaws, left = _watched(env, known, repair=not dry_run)
        to_be_read = 0 if dry_run else _polled(env, known)
        looked_at, found = _compared(env, known, timedelta(minutes=minutes), repair=not dry_run)
        told = {
            "shop": known.name,
            "to_be_read": to_be_read,
            "compared": looked_at,
            "differences": [_shown(one, repaired=not dry_run) for one in found],
            "subscriptions": [_flaw(one, repaired=not dry_run and one not in left) for one in flaws],
        }
        show_one(told, as_json=as_json, words=_words)


@click.command("drift")
@click.option("--state", type=click.Choice(["open", "repaired", "gone"]), default=None, help="Only those.")
@limit_option
@json_option
def drift(state: str | None, limit: int, as_json: bool) -> None:
    """What was found to differ between us and the shops, since when, and what was done."""
    with session() as env, env.engine.connect() as conn:
        rows = [{**_as_row(row), "shop": shop} for row, shop in drifts.newest(conn, limit=limit, state=state or "")]
    columns = ("id", "shop", "kind", "subject", "state", "found_at", "action", "ours", "theirs")
    show_list(rows, columns, as_json=as_json, empty="Nothing differs, and nothing did.")


def _watched(env: Environment, shop: Shop, *, repair: bool) -> tuple[tuple[Flaw, ...], tuple[Flaw, ...]]:
    platform = platform_of(env, shop)
    watched = watchdog.watch(
        env.engine, env.seal, platform, shop, env.settings.public_url, now(), repair=repair, patience=env.settings.patience
    )
    return watched.found, watched.left


def _polled(env: Environment, shop: Shop) -> int:
    every = timedelta(seconds=env.settings.poll_seconds)
    polled = story.poll(env.engine, platform_of(env, shop), shop, now(), every=every, patience=env.settings.patience)
    wake(env, polled.wakes)
    return polled.finished


def _compared(env: Environment, shop: Shop, grace: timedelta, *, repair: bool) -> tuple[int, list[Drift]]:
    compare.restart(env.engine, shop, now())
    found: list[Drift] = []
    looked_at = 0
    for step in _steps(env, shop, grace, repair=repair):
        looked_at += step.looked_at
        found += step.found
        wake(env, step.wakes)
    return looked_at, found


def _steps(env: Environment, shop: Shop, grace: timedelta, *, repair: bool) -> Iterator[compare.Compared]:
    while True:
        step = compare.step(env.engine, env.seal, platform_of(env, shop), shop, now(), repair=repair, grace=grace, begin=True)
        yield step
        if not step.more and not step.wait_seconds:
            return
        time.sleep(step.wait_seconds)


def _shown(one: Drift, *, repaired: bool) -> dict[str, Any]:
    mended = repaired and one.kind != "unreadable"
    return {"kind": one.kind, "subject": one.subject, "ours": one.ours, "theirs": one.theirs, "repaired": mended}


def _flaw(one: Flaw, *, repaired: bool) -> dict[str, Any]:
    return {"topic": one.topic, "problem": one.problem, "detail": one.detail, "repaired": repaired}


def _as_row(row: drifts.DriftRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def _words(told: dict[str, Any]) -> None:
    click.echo(f"{told['shop']}: {told['compared']} orders compared, {told['to_be_read']} changed ones to be read.")
    for one in told["differences"]:
        about = "stock" if one["kind"] == STOCK else "order"
        click.echo(f"  {about} {one['subject']}: {one['kind']}; here {one['ours']}, there {one['theirs']}{_end(one)}")
    for one in told["subscriptions"]:
        click.echo(f"  webhook {one['topic']}: {one['problem']} {one['detail']}{_end(one)}")
    if not told["differences"] and not told["subscriptions"]:
        click.echo("Nothing differs.")


def _end(one: dict[str, Any]) -> str:
    return "; repaired." if one["repaired"] else "; not repaired."


COMMANDS = (reconcile, drift)
