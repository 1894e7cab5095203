"""The one base error. Every error the connector raises on purpose names its remedy."""

from __future__ import annotations


class ConnectorError(Exception):
    """Something was refused or could not be done.

    Args:
        message: what happened, for a person, without personal data or secrets.
        remedy: what that person can do about it; empty only where nothing can be done.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class NotFound(ConnectorError):
    """The named thing does not exist here (or belongs to somebody else)."""


class Rejected(ConnectorError):
    """The request makes sense but a rule of the trade forbids it now."""


class Malformed(ConnectorError):
    """A payload cannot be understood: it is set aside with this reason, and nothing else is delayed."""
