"""The sandbox as one WSGI app: the explicit table of its platforms."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from sandbox import bigcommerce, shopify, woocommerce
from sandbox.assembly import Build, assemble, close

__all__ = ["BUILDERS", "close", "create_app"]

BUILDERS: tuple[Build, ...] = (shopify.build, woocommerce.build, bigcommerce.build)


def create_app(directory: Path, *, rate_per_minute: float = 0) -> Flask:
    """The three shops on the state in `directory`, with their sending and the traffic running."""
    return assemble(directory, BUILDERS, rate_per_minute=rate_per_minute)
