"""Who is at the desk, whether they may do this, and the record of what they do."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Response, current_app, g, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector.db import merchants, staff
from connector.domain.staff import Role, may
from desk import frames, roles
from desk.blueprint import desk, house, serve

_SAFE = ("GET", "HEAD", "OPTIONS")
_OPEN_ACTOR = "desk"
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")
_LONGEST_SUBJECT = 300


@dataclass(frozen=True, slots=True)
class Present:
    """Who is at the desk. Without an id nobody has been added yet, and whoever sits at this machine is the owner."""

    id: int | None
    name: str
    role: Role
    merchant_id: int
    framed: bool = False  # came in through a platform's admin

    @property
    def unnamed(self) -> bool:
        """Whether the desk is still open to everyone on this machine."""
        return self.id is None


def present() -> Present | None:
    """Who this request comes from; None where nobody has signed in."""
    found: Present | None = g.get("present")
    return found


def actor() -> str:
    """The name under which acts are written down."""
    who = present()
    return who.name if who else _OPEN_ACTOR


def can(least: str) -> bool:
    """Whether the person at the desk has at least this role (for templates)."""
    who = present()
    return who is not None and may(who.role, Role(least))


def admit() -> AnyResponse | tuple[str, int] | None:
    """Before each request: let it through, ask to sign in, or say that the role does not allow it."""
    return admit_only(roles.least(request.endpoint or ""))


def admit_only(least: Role | None) -> AnyResponse | tuple[str, int] | None:
    """Let those through who have at least this role (None: everyone); else what to answer instead."""
    g.present = who = arrived()
    if who is not None:
        serve(who.merchant_id)
    if least is None:
        return None
    if who is None:
        return _not_known()
    if not may(who.role, least):
        from desk import problems

        return problems.not_allowed(who.role, least)
    return None


def begin_record() -> None:
    """Write down that an act begins, before anything is done."""
    if request.method in _SAFE or request.endpoint in ("desk.sign_in", "desk.sign_out"):
        return
    who = present()
    with desk().engine.begin() as conn:
        g.act_id = staff.begin_act(conn, actor(), who.id if who else None, str(request.endpoint), _subject())


def end_record(response: Response) -> Response:
    """Write down how it ended; a crash leaves the row as "begun"."""
    act_id = g.pop("act_id", None)
    if act_id is not None:
        outcome = "done" if response.status_code < 400 else f"refused {response.status_code}"
        with desk().engine.begin() as conn:
            staff.end_act(conn, act_id, g.get("outcome", outcome))
    return response


def note_refusal() -> None:
    """An act that ends with a redirect and a message that it was not done."""
    g.outcome = "refused"


def note_trial() -> None:
    """An act that only showed what it would do."""
    g.outcome = "trial"


def local_path(wanted: str) -> str:
    """A path of ours to return to, or "" where it leads anywhere else."""
    parts = urlsplit(wanted)
    inside = not parts.scheme and not parts.netloc and wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if inside and wanted.isprintable() else ""


def from_this_machine() -> bool:
    """Whether the request was made on this machine: from loopback, to a loopback name, through no proxy."""
    address = request.remote_addr or ""
    try:
        near = ip_address(address).is_loopback
    except ValueError:
        near = False
    named = (urlsplit(f"//{request.host}").hostname or "") in _LOOPBACK_NAMES
    return near and named and not any(name in request.headers for name in _FORWARDED)


def arrived() -> Present | None:
    """Who sends this request, as the database has them now; None where nobody is signed in."""
    if frames.carried():
        member = frames.member()
        return Present(member.id, member.name, member.role, member.merchant_id, framed=True) if member else None
    staff_id, stamp = session.get("staff"), session.get("stamp")
    with house().engine.connect() as conn:
        if isinstance(staff_id, int):
            member = staff.by_id(conn, staff_id)
            if member and member.enabled and member.stamp == stamp:
                return Present(member.id, member.name, member.role, member.merchant_id)
            return None
        if from_this_machine() and not staff.anyone(conn):
            return Present(None, _OPEN_ACTOR, Role.OWNER, merchants.FIRST)
    return None


def _not_known() -> AnyResponse | tuple[str, int]:
    from desk import problems

    if not frames.carried():
        with house().engine.connect() as conn:
            if not staff.anyone(conn):
                return problems.no_staff()
    if frames.carried() or request.method not in _SAFE or "X-Live" in request.headers:
        return current_app.response_class("Sign in first.", 401, mimetype="text/plain")
    here = request.full_path.rstrip("?")
    return redirect(url_for("desk.sign_in_form", next=here if here != "/" else None), 302)


def _subject() -> str:
    return " ".join(f"{name}={value}" for name, value in (request.view_args or {}).items())[:_LONGEST_SUBJECT]
