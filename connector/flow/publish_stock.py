"""Keeping shops showing what is available: read what a shop shows, take in what it sold, then write only what differs.

The order of a pass is what makes it safe. The shop's quantities are read first; then its orders are looked for, and where
one is not taken in yet nothing is written; only then is our own stock read. So whatever the shop sold before its quantities
were read is in our figures, and what it sells after that makes a compare-and-set stale (or is put right by the pass that
the order itself causes, where a platform has none). An echo of our own write needs no rule: it shows what is wanted already.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from connector.db import goods as held_back
from connector.db import publications
from connector.db.publications import Due, Push
from connector.db.sealed import Seal
from connector.domain.publishing import shown
from connector.domain.retry import USUAL, Patience, next_try
from connector.domain.settings import value
from connector.flow.caught_up import caught_up
from connector.flow.ingest import Drained, note_failure
from connector.flow.linking import goods_of
from connector.flow.wake import Wake
from connector.platform import CallError, Change, Goods, Level, Platform, Refused, Shop, Spot, Written

# A pass that dies leaves its publications to the next one after this long.
_LEASE = timedelta(minutes=3)
_MOST_AT_ONCE = 500
_SOON = timedelta(seconds=2)
_OBSTACLE_REST = timedelta(minutes=15)
_ABSENT = "The shop knows this unit or its location no more: read its catalogue again."


# A publication, after what time it is looked at again (None: when something changes), and what is noted with it.
_End = tuple[Due, timedelta | None, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A spot where the shop shows something else than it should."""

    spot: Spot
    item_id: int
    shows: int | None
    wanted: int
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class _Pass:
    """What one pass works with."""

    engine: Engine
    seal: Seal
    platform: Platform
    goods: Goods
    shop: Shop
    now: Callable[[], datetime]
    fresh_key: Callable[[], str]
    patience: Patience


def drain(
    engine: Engine,
    seal: Seal,
    platform: Platform,
    shop: Shop,
    now: Callable[[], datetime],
    fresh_key: Callable[[], str],
    *,
    limit: int = _MOST_AT_ONCE,
    patience: Patience = USUAL,
) -> Drained:
    """One pass over what is due at a shop: up to `limit` spots are compared and those that differ are written.

    Does nothing for a shop whose setting publish_stock is off. No lock is held over HTTP.
    """
    if not value(shop.settings, "publish_stock"):
        return Drained(0, more=False)
    at = _Pass(engine, seal, platform, goods_of(platform), shop, now, fresh_key, patience)
    settles = timedelta(seconds=at.goods.settles_seconds)
    with engine.begin() as conn:
        rows = publications.claim(conn, shop.id, now(), lease=_LEASE, settles=settles, limit=limit)
        unfinished = publications.open_pushes(conn, shop.id)
    if not rows and not unfinished:
        return Drained(0, more=False)
    try:
        for push in unfinished:
            _resume(at, push)
        return _publish(at, rows)
    except CallError as error:
        _put_off(at, rows, error)
        return Drained(0, more=False)


def _publish(at: _Pass, rows: Sequence[Due]) -> Drained:
    if reason := at.goods.obstacle(at.shop):
        _finish(at, rows, again=_OBSTACLE_REST, obstacle=reason)
        return Drained(0, more=False)
    found = at.goods.levels(at.shop, [row.spot for row in rows])
    if not caught_up(at.engine, at.seal, at.platform, at.shop, at.now, at.patience):
        _finish(at, rows, again=_SOON)
        return Drained(0, more=False, wakes=(Wake("ingest", at.shop.id),))
    rows, wanted = _wanted(at, rows)
    differing = _settle_equal(at, rows, found, wanted)
    changes = [(row, _change(row.spot, wanted[row.spot], found[row.spot])) for row in differing]
    for start in range(0, len(changes), at.goods.most):
        _push(at, changes[start : start + at.goods.most])
    return Drained(len(rows), more=len(rows) >= _MOST_AT_ONCE)


def _wanted(at: _Pass, rows: Sequence[Due]) -> tuple[list[Due], dict[Spot, int]]:
    """What each spot should show, and the publications as they stood just before that was read."""
    buffer = int(value(at.shop.settings, "stock_buffer"))
    with at.engine.connect() as conn:
        current = publications.refreshed(conn, at.shop.id, rows)
        sources = publications.sources(conn, at.shop.id)
        available = publications.available(conn, {row.item_id for row in current})
        kept = held_back.buffers_of(conn, at.shop.id)
    wanted = {
        row.spot: shown(available, row.item_id, sources.get(row.spot.location, ()), kept.get(row.item_id, buffer))
        for row in current
    }
    return current, wanted


def _change(spot: Spot, quantity: int, level: Level) -> Change:
    return Change(spot, quantity, level.quantity, level.held_back)


def _settle_equal(at: _Pass, rows: Sequence[Due], found: Mapping[Spot, Level], wanted: Mapping[Spot, int]) -> list[Due]:
    """Finish what shows the right quantity already and what cannot be written; the rest is returned."""
    differing = []
    ends: list[_End] = []
    for row in rows:
        level = found.get(row.spot, Level(None, _ABSENT))
        if level.obstacle:
            ends.append((row, None, {"obstacle": level.obstacle}))
        elif level.quantity == wanted[row.spot] or (level.quantity is None and not wanted[row.spot]):
            ends.append((row, None, {"obstacle": "", "published": wanted[row.spot]}))
        else:
            differing.append(row)
    _finish_each(at, ends)
    return differing


# --- writing ---------------------------------------------------------------------------------------------------------


def _push(at: _Pass, changes: Sequence[tuple[Due, Change]]) -> None:
    """Write under a key that is stored first. Where the shop refuses the whole, the halves are tried, so that one bad
    change never keeps the others back."""
    key = at.fresh_key()
    noted = [dataclasses.asdict(change) for _, change in changes]
    with at.engine.begin() as conn:
        push_id = publications.begin(conn, at.shop.id, key, noted, at.now())
    try:
        written = at.goods.publish(at.shop, key, [change for _, change in changes])
    except Refused as error:
        _end(at, push_id, f"refused: {error}")
        if len(changes) == 1:
            _finish(at, [changes[0][0]], obstacle=str(error))
            return
        half = len(changes) // 2
        _push(at, changes[:half])
        _push(at, changes[half:])
        return
    except CallError as error:
        if not (error.effect_unknown and at.goods.repeatable):
            _end(at, push_id, f"{type(error).__name__.lower()}: {error}")
        raise
    _end(at, push_id, _counted(written))
    _finish_each(at, [_after(at, row, change, *written.get(change.spot, (Written.SKIPPED, ""))) for row, change in changes])


def _after(at: _Pass, row: Due, change: Change, ended: Written, reason: str) -> _End:
    """What a change's end means for its publication. A quantity that settles late is looked at once more."""
    if ended is Written.DONE:
        settles = at.goods.settles_seconds
        shows = {"obstacle": "", "published": change.quantity, "written_at": at.now()}
        return row, timedelta(seconds=settles) if settles else None, shows
    if ended is Written.REFUSED:
        return row, None, {"obstacle": reason}
    return row, timedelta(), {}


def _resume(at: _Pass, push: Push) -> None:
    """A push whose answer was lost: sent again under its own key where that is safe; its spots are compared anyway."""
    if at.goods.repeatable:
        changes = [Change(**{**change, "spot": Spot(**change["spot"])}) for change in push.changes]
        try:
            outcome = _counted(at.goods.publish(at.shop, push.key, changes))
        except Refused as error:
            outcome = f"refused: {error}"
        _end(at, push.id, f"sent again: {outcome}")
        return
    _end(at, push.id, "the answer was lost; the shop is read again")


def _counted(written: Mapping[Spot, tuple[Written, str]]) -> str:
    ends = [ended.value for ended, _ in written.values()]
    return ", ".join(f"{ends.count(word)} {word}" for word in dict.fromkeys(ends))


def _end(at: _Pass, push_id: int, outcome: str) -> None:
    with at.engine.begin() as conn:
        publications.end(conn, push_id, outcome, at.now())


def _finish_each(at: _Pass, ends: Sequence[_End]) -> None:
    """Each publication by its own end, in one transaction and in the order in which publications are locked."""
    with at.engine.begin() as conn:
        publications.lock_all(conn, at.shop.id, [row for row, _, _ in ends])
        for row, again, values in ends:
            again_at = None if again is None else at.now() + again
            publications.finish(conn, at.shop.id, [row], at.now(), again_at=again_at, **values)


def _finish(at: _Pass, rows: Sequence[Due], *, again: timedelta | None = None, **values: Any) -> None:
    again_at = None if again is None else at.now() + again
    with at.engine.begin() as conn:
        publications.finish(conn, at.shop.id, rows, at.now(), again_at=again_at, **values)


def _put_off(at: _Pass, rows: Sequence[Due], error: CallError) -> None:
    """The shop could not be called: the whole pass is tried again, later each time."""
    tries = max((row.tries for row in rows), default=0)
    wait = next_try(tries + 1, at.patience.read_waits_seconds, 0.5, asked_seconds=error.retry_after_seconds, endless=True)
    again_at = at.now() + timedelta(seconds=wait.seconds or 0)
    unknown = {"written_at": at.now()} if error.effect_unknown else {}
    with at.engine.begin() as conn:
        note_failure(conn, at.shop, error, at.now(), at.patience)
        publications.finish(conn, at.shop.id, rows, at.now(), again_at=again_at, failed=True, **unknown)


# --- looking ---------------------------------------------------------------------------------------------------------


def differences(engine: Engine, platform: Platform, shop: Shop) -> tuple[str, list[Difference]]:
    """What a publication would change at the shop now, and what stands against it as a whole; writes nothing.

    Raises the call errors.
    """
    goods = goods_of(platform)
    with engine.connect() as conn:
        rows = publications.all_of(conn, shop.id)
        sources = publications.sources(conn, shop.id)
        available = publications.available(conn, {row.item_id for row in rows})
        kept = held_back.buffers_of(conn, shop.id)
    found: dict[Spot, Level] = {}
    for start in range(0, len(rows), _MOST_AT_ONCE):
        found.update(goods.levels(shop, [row.spot for row in rows[start : start + _MOST_AT_ONCE]]))
    buffer = int(value(shop.settings, "stock_buffer"))
    compared = []
    for row in rows:
        level = found.get(row.spot, Level(None, _ABSENT))
        quantity = shown(available, row.item_id, sources.get(row.spot.location, ()), kept.get(row.item_id, buffer))
        compared.append(Difference(row.spot, row.item_id, level.quantity, quantity, level.obstacle))
    return goods.obstacle(shop), [one for one in compared if one.obstacle or (one.shows or 0) != one.wanted]


def look_again(engine: Engine, shop_id: int, now: datetime) -> None:
    """Make everything the shop shows due for a comparison."""
    with engine.begin() as conn:
        publications.furnish(conn, shop_id, publications.sources(conn, shop_id), now, again=True)
