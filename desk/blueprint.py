"""The blueprint all pages stand on, and what it was given to work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from flask import Blueprint, Response, current_app, g
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Engine

from connector.db.engine import of_merchant
from connector.db.sealed import Seal
from connector.flow.wake import Wake
from connector.platform import Platform

pages = Blueprint("desk", __name__, template_folder="templates", static_folder="static", static_url_path="/static/desk")
csrf = CSRFProtect()


def _nobody(_token: str) -> None:
    """Where no platform's own tokens are known."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages read from and act through."""

    engine: Engine
    seal: Seal
    ring: Callable[[Iterable[Wake]], None]
    titles: Mapping[str, str]
    check_endpoint: Callable[[str], str]
    platforms: Mapping[str, Platform]
    answers: Callable[[], Sequence[tuple[float, int]]]
    read_token: Callable[[str], tuple[str, str, str] | None] = _nobody

    def cancels(self, platform: str) -> bool:
        """Whether shops of the platform can be asked to cancel an order."""
        return platform in self.platforms and self.platforms[platform].cancels


def house() -> Desk:
    """What `register` was given: it sees all merchants, and is for finding out whose request this is."""
    return cast(Desk, current_app.extensions["desk"])


def serve(merchant_id: int) -> None:
    """This request is a merchant's: from now on `desk` is theirs."""
    g.merchant_id = merchant_id


def desk() -> Desk:
    """What the request is answered with: it sees and writes its merchant's rows only, whatever is asked of it."""
    if "merchant_id" not in g:
        raise RuntimeError("Nobody has said yet whose request this is.")
    return replace(house(), engine=of_merchant(house().engine, g.merchant_id))


@pages.after_request
def _keep_out_of_caches(response: Response) -> Response:
    """Pages show people's names and addresses: no cache may keep them. Static files have a version and may stay."""
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-store"
        response.vary.update(["Cookie", "Accept-Language", "X-Live"])
    return response
