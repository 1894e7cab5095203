"""What the three admins share: pages with a policy, and the refusal of forms from elsewhere."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, request

from connector.domain.errors import ConnectorError
from sandbox.control import page_error, refuse_other_sites

_POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
    "form-action {targets}; frame-src {frames}; base-uri 'none'"
)
_OTHER_NAMES = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}


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


def from_another_site(url: str) -> str:
    """The connector's address as a frame should have it: of another site than the admin, as in life. On one machine the two
    names of loopback are two sites to a browser, while two ports are one."""
    parts, here = urlsplit(url), urlsplit(request.host_url).hostname
    if parts.hostname != here or here not in _OTHER_NAMES:
        return url
    return parts._replace(netloc=f"{_OTHER_NAMES[here]}:{parts.port}" if parts.port else _OTHER_NAMES[here]).geturl()
