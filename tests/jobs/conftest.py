"""An environment of the toy platform, for queue, worker, clock and commands."""

from __future__ import annotations

from tests.webhooks.conftest import environment, settings, toy_shop

__all__ = ["environment", "settings", "toy_shop"]
