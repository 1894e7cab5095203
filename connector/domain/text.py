"""Words as people type them: with or without accents, in any case."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """`text` without accents and case, for finding: "Élise Ménard" -> "elise menard". Compatibility forms become plain."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).casefold()
