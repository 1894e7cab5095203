"""What the API promises: the document itself, and a page to read it."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml
from flask import Response, render_template

from connector.flow.access import SCOPES
from desk.api.blueprint import api
from desk.blueprint import pages

_METHODS = ("get", "put", "post", "patch", "delete")


@api.get("/openapi.yaml")
def openapi() -> Response:
    """The OpenAPI document."""
    return Response(_text(), mimetype="application/yaml")


@pages.get("/api")
def api_page() -> str:
    """The same, for people."""
    document = _document()
    calls = [
        (method.upper(), path, call)
        for path, methods in document["paths"].items()
        for method, call in methods.items()
        if method in _METHODS
    ]
    return render_template("desk/api.html", document=document, calls=calls, scopes=SCOPES)


@cache
def _text() -> str:
    return resources.files("desk.api").joinpath("openapi.yaml").read_text(encoding="utf-8")


@cache
def _document() -> Any:
    return yaml.safe_load(_text())
