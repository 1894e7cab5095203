"""The contract, on every platform of the registry."""

from __future__ import annotations

import pytest

from connector.platform import Platform
from tests.platforms import contract
from tests.platforms.contract import Check

_CASES = [pytest.param(*case, id=f"{case[0].name} {case[1].__name__}") for case in contract.cases()]


@pytest.mark.parametrize(("platform", "check"), _CASES)
def test_the_platform_keeps_to_the_contract(platform: Platform, check: Check) -> None:
    check(platform)
