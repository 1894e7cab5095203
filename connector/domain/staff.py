"""Who may do what at the desk: four roles, each able to do all that the one before it can."""

from __future__ import annotations

import enum

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200


class Role(enum.StrEnum):
    """What a member of staff may do."""

    VIEWER = "viewer"  # read
    PICKER = "picker"  # pick, pack, hand over, record payments
    OPERATOR = "operator"  # inbox, outbox, replays, the team's views
    OWNER = "owner"  # staff and everything else


_RANK = tuple(Role)


def may(role: Role, least: Role) -> bool:
    """Whether `role` may do what `least` may."""
    return _RANK.index(role) >= _RANK.index(least)
