"""Text as people search it, and text as the database can keep it."""

from __future__ import annotations

import unicodedata
import zlib
from functools import lru_cache


def fold(text: str) -> str:
    """Without accents and case, for searching: "Élise" and "elise" fold to the same."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).casefold()


def storable(text: str) -> str:
    """Without what PostgreSQL's text refuses: NUL characters and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def grams(folded: str) -> list[int]:
    """Every three neighbouring letters of a folded text, each as a number, sorted.

    A text that holds a word holds all grams of the word, so an index on them finds the few texts worth reading. Two
    different grams may share a number (CRC-32 without its sign): the text itself decides.
    """
    found = {folded[at : at + 3] for at in range(len(folded) - 2)}
    return sorted(set(map(_number, found)))


@lru_cache(maxsize=50_000)
def _number(gram: str) -> int:
    return zlib.crc32(gram.encode()) & 0x7FFFFFFF
