"""Which location fulfills what: one that has everything, else the lines divided over several, as Shopify's routing does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from sandbox.catalogue import LOCATIONS

PRIORITY = tuple(location.code for location in sorted(LOCATIONS, key=lambda location: location.priority))

# (line number, SKU, units) to place; (line number, units) by location as the answer.
Need = tuple[int, str, int]
Plan = dict[str, list[tuple[int, int]]]
Available = Callable[[str, str], int]


def route(needs: Iterable[Need], available: Available) -> Plan:
    """Units by location. What is nowhere in stock goes to the first location, which then shows less than nothing."""
    wanted = list(needs)
    single = next((code for code in PRIORITY if _has_all(code, wanted, available)), None)
    if single is not None:
        return {single: [(line, units) for line, _, units in wanted]}
    plan: dict[str, list[tuple[int, int]]] = defaultdict(list)
    free: dict[tuple[str, str], int] = {}
    for line, sku, units in wanted:
        for code, given in _divide(sku, units, available, free).items():
            plan[code].append((line, given))
    return dict(plan)


def _has_all(code: str, wanted: Iterable[Need], available: Available) -> bool:
    sums: dict[str, int] = defaultdict(int)
    for _, sku, units in wanted:
        sums[sku] += units
    return all(available(sku, code) >= units for sku, units in sums.items())


def _divide(sku: str, units: int, available: Available, free: dict[tuple[str, str], int]) -> Mapping[str, int]:
    """One line: whole at the first location that has it, else what each has. `free` notes what earlier lines took."""
    for code in PRIORITY:
        free.setdefault((sku, code), max(0, available(sku, code)))
    whole = next((code for code in PRIORITY if free[sku, code] >= units), None)
    given: dict[str, int] = {whole: units} if whole else {}
    rest = 0 if whole else units
    for code in PRIORITY if rest else ():
        given[code] = min(rest, free[sku, code])
        rest -= given[code]
    if rest:
        given[PRIORITY[0]] = given.get(PRIORITY[0], 0) + rest
    for code, count in given.items():
        free[sku, code] -= count
    return {code: count for code, count in given.items() if count}
