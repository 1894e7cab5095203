"""Pictures of goods on a page: from where its content security policy lets them come."""

from __future__ import annotations

from collections.abc import Iterable

from flask import g

from connector.domain import pictures


def allow(addresses: Iterable[str]) -> None:
    """This answer shows pictures from these addresses; no other page may load any from their hosts. Whoever writes the policy
    asks `sources`."""
    g.picture_sources = pictures.sources(addresses)


def sources() -> str:
    """What the policy's img-src has besides our own, each behind a space; "" where the page shows no pictures of goods."""
    return "".join(f" {origin}" for origin in g.get("picture_sources", ()))


def initial(title: str) -> str:
    """The letter that stands where there is no picture; "" where the title has none."""
    return next((letter.upper() for letter in title if letter.isalnum()), "")
