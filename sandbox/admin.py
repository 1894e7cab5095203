"""What the three admins share: pages with a policy, and the refusal of forms from elsewhere."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, g

from connector.domain.errors import ConnectorError
from sandbox.control import page_error, refuse_other_sites

_POLICY = "default-src 'none'; style-src 'nonce-{nonce}'; form-action {targets}; frame-src {frames}; base-uri 'none'"


def admin(name: str, prefix: str) -> Blueprint:
    """A blueprint for an admin's pages. `g.frames` and `g.targets` open its policy for one page."""
    pages = Blueprint(name, __name__, url_prefix=prefix)
    pages.before_request(refuse_other_sites)
    pages.register_error_handler(ConnectorError, page_error)

    @pages.before_request
    def draw_nonce() -> None:
        g.nonce = secrets.token_urlsafe(16)

    @pages.after_request
    def secure(response: Response) -> Response:
        targets, frames = g.get("targets", "'self'"), g.get("frames", "'none'")
        response.headers["Content-Security-Policy"] = _POLICY.format(nonce=g.get("nonce", ""), targets=targets, frames=frames)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    return pages
