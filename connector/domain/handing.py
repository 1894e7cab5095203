"""What a platform counts as handed over against what has left here, and what of the departed came back. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from connector.domain.differences import HeldPart, gone
from connector.domain.fulfillment import ENDED, GONE, State

# Which part gives units that somebody else handed over: the one that was furthest on its way.
_ADVANCED = (State.READY, State.PACKED, State.IN_PROGRESS, State.NEW)


@dataclass(frozen=True, slots=True)
class Count:
    """What is counted of a line. `fulfilled` is the platform's figure, `elsewhere` what it handed over without any part of
    ours, `taken_back` what was un-shipped here and it still counts."""

    quantity: int
    fulfilled: int
    elsewhere: int = 0
    taken_back: int = 0


@dataclass(frozen=True, slots=True)
class Departed:
    """The parts after others handed units over: `leaving` are among `parts`; `without` are units by line no part held."""

    parts: list[HeldPart]
    leaving: list[HeldPart]
    without: dict[int, int]


def handed_over(counts: Mapping[int, Count], parts: Sequence[HeldPart], *, whole: bool) -> dict[int, int]:
    """Units by line that the platform counts as handed over and we still hold. `whole`: it says that all of them are."""
    left = gone(parts)
    missing = {
        line: (count.quantity if whole else count.fulfilled) - left.get(line, 0) - count.elsewhere - count.taken_back
        for line, count in counts.items()
    }
    return {line: units for line, units in missing.items() if units > 0}


def depart(
    parts: Sequence[HeldPart], units: Mapping[int, int], left: State, assigned: Mapping[int, int], numbers: Iterator[int]
) -> Departed:
    """Let units leave: out of the parts at the place the platform assigned first, then those furthest on their way.

    A part that gives all it holds leaves itself; otherwise what leaves is a part of its own, with the next of `numbers`.
    """
    rest = dict(units)
    given: dict[int, dict[int, int]] = defaultdict(dict)
    waiting = [part for part in parts if part.state not in ENDED]
    for line in units:
        places = assigned.get(line)
        for part in sorted(waiting, key=lambda p: (p.location_id != places, _ADVANCED.index(p.state), p.id)):
            count = min(rest[line], part.lines.get(line, 0))
            if count:
                given[part.id][line] = count
                rest[line] -= count
    after, leaving = [], []
    for part in parts:
        going = given.get(part.id)
        if not going:
            after.append(part)
            continue
        departed = HeldPart(part.id, part.location_id, left, going)
        if going != part.lines:
            staying = {line: count - going.get(line, 0) for line, count in part.lines.items()}
            after.append(replace(part, lines={line: count for line, count in staying.items() if count}))
            departed = replace(departed, id=next(numbers))
        after.append(departed)
        leaving.append(departed)
    return Departed(after, leaving, {line: count for line, count in rest.items() if count})


def gave(parts: Sequence[HeldPart], line: int) -> int | None:
    """The location that gave a line that has left, the last where there were several."""
    givers = [part.location_id for part in parts if part.state in GONE and part.lines.get(line)]
    return givers[-1] if givers else None
