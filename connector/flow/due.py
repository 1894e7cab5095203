"""What the clock looks for: everything whose time has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from connector.flow.wake import Wake


def due(engine: Engine, now: datetime) -> tuple[Wake, ...]:
    """One wake for each shop and task with something due, oldest first. Also notes that the clock is alive."""
    raise NotImplementedError
