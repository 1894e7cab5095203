"""The API for other systems, under /api/v1. `openapi.yaml` beside this file says what it promises; tests hold it to that."""

from __future__ import annotations

from flask import Flask

from desk.api import document, events, goods, orders, stock
from desk.api.blueprint import api

__all__ = ["register"]

_ROUTES = (document, events, goods, orders, stock)  # importing them puts their routes on `api`


def register(app: Flask) -> None:
    """Add the API to an application that has the desk."""
    app.register_blueprint(api)
