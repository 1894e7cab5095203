"""The API against its own document, by schemathesis: whatever the document allows or not is answered as it says."""

from __future__ import annotations

import functools
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from sqlalchemy import Engine

import desk
from connector.db.sealed import Seal
from connector.flow import access
from tests.flow.toy import START, order, unpaid, world

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: `make setup` brings it")

_EXAMPLES = 8  # of what the document allows, and of what it does not, for each call
_KNOWN = {"order_id": "SELECT min(id) FROM orders", "part_id": "SELECT min(id) FROM fulfillment_orders"}


@functools.cache
def _calls() -> dict[str, Any]:
    """Every call of the document by its name."""
    document = schemathesis.openapi.from_path(str(Path(desk.__file__).parent / "api/openapi.yaml"))
    return {found.ok().label: found.ok() for found in document.get_all_operations()}


def _checks() -> list[Any]:
    """What is looked at. Whether a token is wanted is another test's: here each call has a right one."""
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    names = ("status_code", "content_type", "response_headers", "response_schema")
    return [not_a_server_error, *(getattr(checks, f"{name}_conformance") for name in names)]


@pytest.fixture
def app(engine: Engine, seal: Seal) -> Flask:
    """The API over a shop with orders paid and unpaid."""
    at = world(engine, seal, {("PEN", "quay"): 999, ("INK", "depot"): 999})
    at.take(*(order(str(number), [("PEN", 1)]) for number in range(3)), unpaid(order("owing")))
    app = Flask("asked")
    app.secret_key = "a key of the tests that is long enough"
    desk.register(app, engine=engine, seal=seal, ring=lambda wakes: None)
    return app


@pytest.fixture
def token(engine: Engine, app: Flask) -> str:
    return access.add(engine, "schemathesis", tuple(access.SCOPES), START)


def test_the_document_names_every_route_of_the_api(app: Flask) -> None:
    methods = {"GET", "POST", "PUT", "PATCH", "DELETE"}
    served = {
        f"{method} {rule.rule.removeprefix('/api/v1')}".replace("<int:", "{").replace("<path:", "{").replace(">", "}")
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) & methods
    }
    assert set(_calls()) == served


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_every_call_is_answered_as_the_document_says(app: Flask, token: str, engine: Engine, mode: str) -> None:
    """No 5xx, no answer, type or body that the document does not know."""
    for label in sorted(_calls()):
        _asked_and_checked(app, token, engine, label, schemathesis.GenerationMode[mode])


def _asked_and_checked(app: Flask, token: str, engine: Engine, label: str, mode: Any) -> None:
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        case = data.draw(_calls()[label].as_strategy(generation_mode=mode))
        _name_what_exists(case, engine)
        answer = case.call(app=app, headers={"Authorization": f"Bearer {token}"}, base_url="http://localhost/api/v1")
        assert answer.status_code < 500, case.as_curl_command()
        case.validate_response(answer, checks=_checks())

    with suppress(Unsatisfiable):  # a call without a parameter or body has nothing that could be wrong
        ask()


def _name_what_exists(case: Any, engine: Engine) -> None:
    """Every second id is one that exists, so that more than "not found" is looked at."""
    given_ids = case.path_parameters or {}
    with engine.connect() as conn:
        for name in given_ids.keys() & _KNOWN.keys():
            if isinstance(given_ids[name], int) and given_ids[name] % 2:
                given_ids[name] = conn.exec_driver_sql(_KNOWN[name]).scalar()
    if "sku" in given_ids:
        given_ids["sku"] = "PEN"
