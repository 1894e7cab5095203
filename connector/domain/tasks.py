"""What a person may have to decide: ONE table of codes with their choices. A new kind of task is a row here.

The sentences are English; the desk translates the same ones. Their facts: `goods` (what it is about), `location`, `to`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.domain.errors import Rejected


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to decide. `act` names what the decision does; `place` is true where a location must be named with it."""

    code: str
    words: str
    act: str = ""
    place: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of task: the question, and the ways to answer it."""

    question: str
    choices: tuple[Choice, ...]


_CAME_BACK = Choice("came_back", "The goods came back: put them back on the shelf at a location.", "restock", place=True)
_LOST = Choice("lost", "The goods are lost: nothing moves.")
_KEEP = Choice("keep", "Leave it as it was handed over: nothing moves.")

CANCELLED = "cancelled_after_handover"
CHANGED = "changed_after_handover"
MOVED = "moved_on_platform"
WITHDRAWN = "handover_withdrawn"

TASKS: dict[str, Kind] = {
    CANCELLED: Kind("The order was cancelled, but {goods} had left {location} already.", (_CAME_BACK, _LOST, _KEEP)),
    CHANGED: Kind("The order was reduced, but {goods} had left {location} already.", (_CAME_BACK, _LOST, _KEEP)),
    MOVED: Kind(
        "The platform moved {goods} to {to}, but {location} has started on them.",
        (
            Choice("follow", "Move them: the platform's location prepares them.", "move"),
            Choice("stay", "Leave them: the platform is told before they are handed over."),
        ),
    ),
    WITHDRAWN: Kind(
        "The platform took back the handover of {goods}, which had left {location}.",
        (
            Choice("unship", "They are here again, still to be handed over: take the handover back here too.", "unship"),
            _KEEP,
        ),
    ),
}


def choice(code: str, chosen: str) -> Choice:
    """The choice a person made; Rejected names those there are."""
    kind = TASKS.get(code)
    found = next((one for one in kind.choices if one.code == chosen), None) if kind else None
    if found is None:
        known = ", ".join(one.code for one in kind.choices) if kind else "none"
        raise Rejected(f"{chosen!r} is no way to decide this.", f"Choose one of: {known}.")
    return found


def goods(lines: Sequence[Mapping[str, Any]]) -> str:
    """The lines of a task's facts in short: "2 × PEN, 1 × INK"."""
    return ", ".join(f"{line['units']} × {line['sku'] or line['title']}" for line in lines)


def in_words(code: str, facts: Mapping[str, Any]) -> str:
    """The question in English."""
    kind = TASKS.get(code)
    return kind.question.format_map(named(facts)) if kind else code.replace("_", " ")


def named(facts: Mapping[str, Any]) -> dict[str, str]:
    """The facts a question's words need."""
    return {
        "goods": goods(facts.get("lines", ())),
        "location": str(facts.get("location", "")),
        "to": str(facts.get("to", "")),
    }
