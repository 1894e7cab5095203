"""The two schemas the documents must fit: Shopify's own, where its file is at hand, and the sandbox's."""

from __future__ import annotations

import gzip
import json
import os
from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_client_schema, build_schema

_ROOT = Path(__file__).parents[3]
_NAME = "admin_2026-10.json.gz"
_MISSING = (
    f"Shopify's schema {_NAME} is not at hand: run `npm pack @shopify/dev-mcp@1.16.0` and unpack it under "
    "build/shopify-dev-mcp/, or set SHOPIFY_SCHEMA to the file."
)


@cache
def _official_file() -> Path | None:
    named = os.environ.get("SHOPIFY_SCHEMA")
    if named:
        return Path(named)
    return next(iter(sorted((_ROOT / "build/shopify-dev-mcp").rglob(_NAME))), None)


@cache
def _read(path: Path) -> GraphQLSchema:
    # assume_valid: graphql-core 3.3 rejects fields deprecated only in the implementing type, which Shopify has.
    return build_client_schema(json.loads(gzip.decompress(path.read_bytes()))["data"], assume_valid=True)


def official() -> GraphQLSchema:
    """Shopify's Admin schema 2026-10; skips the test where its file is absent."""
    path = _official_file()
    if path is None:
        pytest.skip(_MISSING)
    return _read(path)


@cache
def sandbox() -> GraphQLSchema:
    """The schema the sandbox shop executes."""
    return build_schema((_ROOT / "sandbox/shopify/schema.graphql").read_text(encoding="utf-8"))
