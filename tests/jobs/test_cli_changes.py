"""The command line of changed orders: other ways for a part, tasks, bundles."""

from __future__ import annotations

from tests.jobs.commanding import Run, as_json, run, stocked  # noqa: F401

__all__ = ["run", "stocked"]
