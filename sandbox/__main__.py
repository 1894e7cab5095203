"""`python -m sandbox`: the three sandbox shops on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from sandbox.serving import serve
from sandbox.traffic import MOST_ORDERS_PER_MINUTE


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on. There is no authentication.")
@click.option("--port", default=8100, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option(
    "--dir",
    "directory",
    default=Path("data/sandbox"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the shops' state is kept.",
)
@click.option(
    "--rate",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, MOST_ORDERS_PER_MINUTE),
    help="Orders a minute that arrive by themselves, over all shops.",
)
def main(host: str, port: int, directory: Path, rate: float) -> None:
    """Run three small shops that answer as Shopify, WooCommerce and BigCommerce do."""
    serve(host, port, directory, rate_per_minute=rate)


if __name__ == "__main__":
    main()
