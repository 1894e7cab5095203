"""What every answer carries, which hosts we answer to, and how many proxies we believe."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from werkzeug.exceptions import BadRequest, SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from desk import pictures

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
# Machines prove themselves otherwise, and probes use an address.
_ANY_HOST = ("/webhooks/", "/privacy/", "/healthz", "/readyz", "/metrics")
_YEAR_SECONDS = 365 * 24 * 3600

# `pictures` are the hosts of the goods that a page shows: nothing on most pages.
_POLICY = (
    "default-src 'self'; img-src 'self' data:{pictures}; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY.format(pictures=""),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def secure(app: Flask, *, public_url: str, trusted_proxies: int) -> None:
    """Put the guards on: only under PUBLIC_URL's host and loopback names do pages answer, and the last
    `trusted_proxies` entries of the forwarded headers are believed."""
    hosts = [host for host in (urlsplit(public_url).hostname, *_LOOPBACK) if host]
    if trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=trusted_proxies, x_proto=trusted_proxies, x_host=trusted_proxies
        )

    @app.before_request
    def check_host() -> None:
        if request.path.startswith(_ANY_HOST):
            return
        try:
            trusted = host_is_trusted(request.host, hosts)
        except SecurityError:
            trusted = False
        if not trusted:
            raise BadRequest("This host name is not ours: PUBLIC_URL says under which address people reach the connector.")

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _POLICY.format(pictures=pictures.sources()))
        for name, value in headers(secure=request.is_secure).items():
            response.headers.setdefault(name, value)
        if g.get("may_be_framed"):  # the page's own policy says by whom; this header knows only all or nothing
            response.headers.pop("X-Frame-Options", None)
        return response


def headers(*, secure: bool) -> dict[str, str]:
    """What every answer carries; `secure` where it came over https."""
    return {**HEADERS, "Strict-Transport-Security": f"max-age={_YEAR_SECONDS}"} if secure else dict(HEADERS)
