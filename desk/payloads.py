"""A delivery's payload for those who repair: its shape, ids, states and amounts; nothing of a person. Pure.

What is not known to be harmless is hidden, because each platform and each of its plug-ins adds fields of its own.
"""

from __future__ import annotations

import json
import re
from typing import Any

HIDDEN = "•••"
_LONGEST_LIST = 50
_HARMLESS = re.compile(
    r"(^|_)(id|ids|sku|skus|status|state|currency|total|price|amount|quantity|type|kind|scope|hash|topic|event|version|reason"
    r"|created|updated|modified|date|at|gmt|producer|gateway|financial|fulfillment|cancelled|number)$"
)
_OF_A_PERSON = re.compile(
    r"customer|billing|shipping|address|person|client|consignee|recipient|phone|mail|name|note|token|secret|card|ip$|post|zip|url"
)


def shown(body: bytes) -> str:
    """The payload as indented JSON without what tells of a person; "" where it is no JSON."""
    try:
        return json.dumps(masked(json.loads(body)), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""


def masked(value: Any, name: str = "") -> Any:
    """The same shape; of its leaves those that are harmless by their name, and what is true, false or nothing."""
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    if _OF_A_PERSON.search(word) and not isinstance(value, bool):
        return HIDDEN if value not in (None, "", [], {}) else value
    if isinstance(value, dict):
        return {str(key): masked(entry, str(key)) for key, entry in value.items()}
    if isinstance(value, list):
        return [masked(entry, name) for entry in value[:_LONGEST_LIST]]
    if value is None or isinstance(value, bool) or value == "":
        return value
    return value if _HARMLESS.search(word) else HIDDEN
