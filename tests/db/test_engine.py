"""What a connection is opened with."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import event

from connector.db import engine as engines

_MOST_SECONDS = 10


class _Asked(Exception):
    """The connection was about to be made."""


def _asked_of(url: str) -> dict[str, Any]:
    made, asked = engines.create(url), {}

    def look(dialect: object, record: object, arguments: object, options: dict[str, Any]) -> None:
        asked.update(options)
        raise _Asked

    event.listen(made, "do_connect", look)
    try:
        made.connect()
    except _Asked:
        return asked
    raise AssertionError("no connection was made")


def test_both_ends_notice_within_ten_seconds_that_the_other_is_gone() -> None:
    """A lost machine holds the lead of the clock and the turns of its shops no longer than that."""
    asked = _asked_of("postgresql://u@127.0.0.1/x")
    server = {name: int(value) for name, value in re.findall(r"-c tcp_keepalives_(\w+)=(\d+)", asked["options"])}
    client = {name: asked[f"keepalives_{name}"] for name in ("idle", "interval", "count")}
    for end in (server, client):
        assert end["idle"] + end["interval"] * end["count"] < _MOST_SECONDS
