"""Whose things are: a merchant is named by a word of our own, which stands at their shops, places, articles and people.

Most installations serve one retailer, the house. A store that installs the app by itself, asked by nobody who works here,
belongs to a merchant of its own until somebody joins it to another (`connector shops join`).
"""

from __future__ import annotations

HOUSE = ""
