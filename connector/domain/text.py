"""Text as people search it, and text as the database can keep it."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Without accents and case, for searching: "Élise" and "elise" fold to the same."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).casefold()


def storable(text: str) -> str:
    """Without what PostgreSQL's text refuses: NUL characters and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")
