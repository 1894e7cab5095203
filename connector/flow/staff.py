"""Adding people and letting them in. Passwords are kept as argon2id hashes, with the library's own parameters (RFC 9106)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from connector.db import staff
from connector.db.staff import Member
from connector.domain.errors import NotFound, Rejected
from connector.domain.staff import LONGEST_PASSWORD, SHORTEST_PASSWORD, Role
from connector.domain.text import storable

MOST_TRIES = 5
MOST_TRIES_FROM_ONE_ADDRESS = 50  # a shop's tills share one address
LOCKED = timedelta(minutes=15)
_LONGEST_NAME = 60

_hasher = PasswordHasher()


class TooManyTries(Rejected):
    """Signing in is closed for a while, for this name or from this address."""


def add(engine: Engine, name: str, role: Role, password: str) -> int:
    """A new member of staff; their id. Rejected where the name is empty or taken, or the password too short."""
    name = storable(name).strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise Rejected("A name has 1 to 60 letters.", "Give the name colleagues know the person by.")
    hashed = _hashed(password)
    try:
        with engine.begin() as conn:
            return staff.add(conn, name, role, hashed)
    except IntegrityError:
        raise Rejected("This name is taken.", "Choose another name.") from None


def set_password(engine: Engine, name: str, password: str) -> None:
    """A new password; open sessions end. NotFound, or Rejected where it is too short."""
    hashed = _hashed(password)
    with engine.begin() as conn:
        staff.change(conn, _named(staff.by_name(conn, name), name).id, password_hash=hashed)


def set_enabled(engine: Engine, name: str, enabled: bool) -> None:
    """Let someone in again, or no longer; open sessions end. Rejected for the last owner, who could let nobody in."""
    with engine.begin() as conn:
        member = _named(staff.by_name(conn, name), name)
        if not enabled:
            _must_leave_an_owner(conn, member)
        staff.change(conn, member.id, enabled=enabled)


def set_role(engine: Engine, name: str, role: Role) -> None:
    """Another role; open sessions end. Rejected for the last owner, after whom nobody could give roles."""
    with engine.begin() as conn:
        member = _named(staff.by_name(conn, name), name)
        if role is not Role.OWNER:
            _must_leave_an_owner(conn, member)
        staff.change(conn, member.id, role=role.value)


def _must_leave_an_owner(conn: Connection, member: Member) -> None:
    owners = [one.id for one in staff.members(conn) if one.enabled and one.role is Role.OWNER]
    if owners == [member.id]:
        raise Rejected("This is the only owner.", "Add another owner first.")


def sign_in(engine: Engine, name: str, password: str, address: str, now: datetime) -> Member | None:
    """The member, or None where name and password do not fit. TooManyTries after some failures within a quarter of an hour.

    An unknown name costs the same time and counts the same, so that nobody learns which names exist.
    """
    with engine.begin() as conn:
        staff.one_at_a_time(conn, name)
        of_name, of_address = staff.failures(conn, name, address, now - LOCKED)
        if of_name >= MOST_TRIES or of_address >= MOST_TRIES_FROM_ONE_ADDRESS:
            minutes = LOCKED // timedelta(minutes=1)
            raise TooManyTries("Too many tries.", f"Wait {minutes} minutes, or ask an owner for a new password.")
        found = staff.by_name(conn, name)
        fits = _fits(found[1] if found else _nobody(), password[:LONGEST_PASSWORD])
        member = found[0] if found and fits and found[0].enabled else None
        staff.note_sign_in(conn, name, address, succeeded=member is not None, now=now)
        return member


def _named(found: tuple[Member, str] | None, name: str) -> Member:
    if found is None:
        raise NotFound(f"There is no {name!r} among the staff.", "`connector staff list` shows everyone.")
    return found[0]


def _hashed(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Rejected("A password has 10 to 200 characters.", "A few words one after the other are easy to keep.")
    return _hasher.hash(password)


def _fits(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_hex())
