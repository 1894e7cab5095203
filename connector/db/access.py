"""API tokens: who may call, and what was answered to a request that may be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from connector.db.tables import api_answers, api_tokens

_KEPT = timedelta(days=1)
_ABANDONED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token without its secret."""

    id: int
    name: str
    scopes: list[str]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    merchant_id: int


_ROW = tuple(api_tokens.c[name] for name in TokenRow.__dataclass_fields__)


def add(conn: Connection, name: str, secret_hash: bytes, scopes: Sequence[str], now: datetime) -> int | None:
    """A new token's id; None where the name is taken."""
    row = insert(api_tokens).values(name=name, secret_hash=secret_hash, scopes=list(scopes), created_at=now)
    return conn.execute(row.on_conflict_do_nothing().returning(api_tokens.c.id)).scalar_one_or_none()


def secret_hash(conn: Connection, token_id: int) -> tuple[TokenRow, bytes] | None:
    """A token that was not revoked, with the hash its secret must have."""
    row = conn.execute(
        select(*_ROW, api_tokens.c.secret_hash).where(api_tokens.c.id == token_id, api_tokens.c.revoked_at.is_(None))
    ).first()
    return None if row is None else (TokenRow(*row[:-1]), bytes(row[-1]))


def touch(conn: Connection, token_id: int, now: datetime) -> None:
    """Note that a token was used, at most once a minute."""
    stale = or_(api_tokens.c.last_used_at.is_(None), api_tokens.c.last_used_at < now - timedelta(minutes=1))
    conn.execute(update(api_tokens).where(api_tokens.c.id == token_id, stale).values(last_used_at=now))


def revoke(conn: Connection, name: str, now: datetime) -> bool:
    """End a token; whether there was one."""
    ended = update(api_tokens).where(api_tokens.c.name == name, api_tokens.c.revoked_at.is_(None)).values(revoked_at=now)
    return conn.execute(ended).rowcount > 0


def list_tokens(conn: Connection) -> list[TokenRow]:
    """Every token, the newest first."""
    return [TokenRow(*row) for row in conn.execute(select(*_ROW).order_by(api_tokens.c.id.desc()))]


def begin_answer(conn: Connection, token_id: int, key: str, fingerprint: str, now: datetime) -> tuple[str, int, Any] | None:
    """Claim a key: None where the request is ours to do now, else (fingerprint, status, answer) of the one that has it.

    Status 0 is a request still being done; one that nobody ended within a minute is ours to do again.
    """
    conn.execute(delete(api_answers).where(api_answers.c.at < now - _KEPT))
    row = {"token_id": token_id, "key": key, "fingerprint": fingerprint, "status": 0, "answer": None, "at": now}
    claimed = insert(api_answers).values(**row)
    abandoned = (api_answers.c.status == 0) & (api_answers.c.at < now - _ABANDONED)
    claimed = claimed.on_conflict_do_update(index_elements=["token_id", "key"], set_={"at": now}, where=abandoned)
    if conn.execute(claimed.returning(api_answers.c.key)).first() is not None:
        return None
    wanted = (api_answers.c.token_id == token_id) & (api_answers.c.key == key)
    found = conn.execute(select(api_answers.c.fingerprint, api_answers.c.status, api_answers.c.answer).where(wanted)).one()
    return found.fingerprint, found.status, found.answer


def end_answer(conn: Connection, token_id: int, key: str, status: int, answer: Any) -> None:
    """Remember what the request was answered."""
    wanted = (api_answers.c.token_id == token_id) & (api_answers.c.key == key)
    conn.execute(update(api_answers).where(wanted).values(status=status, answer=answer))


def drop_answer(conn: Connection, token_id: int, key: str) -> None:
    """The request was refused and did nothing: its key is free again."""
    wanted = (api_answers.c.token_id == token_id) & (api_answers.c.key == key) & (api_answers.c.status == 0)
    conn.execute(delete(api_answers).where(wanted))
