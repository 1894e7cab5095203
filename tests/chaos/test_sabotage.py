"""A suite that cannot fail is worth nothing: with each safety taken out, the test that is named for it must be red.

Each is run twice, in processes of their own: as it is (green), then sabotaged (red, by a failed assertion or a fault, never
because nothing was collected).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import make_url

from config.embedded import Addresses
from tests.chaos.sabotages import SABOTAGES
from tests.chaos.whole import ROOT

pytestmark = pytest.mark.timeout(900)  # the first one has all of them run
_ALL_PASSED, _SOME_FAILED = 0, 1

CAUGHT_BY = {
    "no effect key": "tests/flow/test_effects.py::test_an_effect_that_is_written_again_moves_nothing",
    "no read before write": "tests/platforms/bigcommerce/test_announce.py::test_a_lost_answer_heals_without_a_second_shipment",
    "no clock": "tests/flow/test_ingest.py::test_the_clock_finds_rows_whose_bell_was_lost_and_rows_of_a_dead_claimer",
    "acknowledged before commit": "tests/webhooks/test_receive.py::test_without_a_database_it_is_503_and_never_200[threads]",
    "no version check": "tests/flow/test_ingest.py::test_created_paid_cancelled_end_alike_in_every_order_of_arrival",
    "unsorted locks": "tests/chaos/test_races.py::test_changes_of_the_same_items_in_any_order_never_lock_each_other_out",
    "no lease": "tests/chaos/test_races.py::test_two_workers_tell_each_thing_once",
    "a swallowed error, outward": "tests/flow/test_fulfill.py::test_a_telling_that_fails_is_tried_again_in_sequence",
    "a swallowed error, inward": "tests/flow/test_ingest.py::test_a_poisoned_row_never_takes_its_batch_down",
}


def test_every_sabotage_has_its_test() -> None:
    assert CAUGHT_BY.keys() == SABOTAGES.keys()


@pytest.fixture(scope="module")
def runs(services: Addresses, _migrated: str) -> dict[str, tuple[int, str]]:
    """ "" or the sabotage -> pytest's exit code and what it said. All in one go, on copies of our empty tables."""
    wanted = {"": ("", list(CAUGHT_BY.values())), **{name: (name, [test]) for name, test in CAUGHT_BY.items()}}
    environment = {**os.environ, "DATABASE_URL": services.database_url, "REDIS_URL": services.redis_url}
    environment |= {"SEAL_KEYS": Fernet.generate_key().decode(), "SECRET_KEY": "s" * 32}
    environment |= {"TEST_DATABASE_TEMPLATE": str(make_url(_migrated).database)}
    command = [sys.executable, "-m", "tests.chaos.sabotages", json.dumps(wanted)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, tuple[int, str]] = json.loads(done.stdout)
    return found


def test_they_are_green_without_sabotage(runs: dict[str, tuple[int, str]]) -> None:
    code, said = runs[""]
    assert code == _ALL_PASSED, said


@pytest.mark.parametrize("sabotage", list(CAUGHT_BY))
def test_the_test_named_for_it_catches(runs: dict[str, tuple[int, str]], sabotage: str) -> None:
    code, said = runs[sabotage]
    assert code == _SOME_FAILED, said
    assert f"FAILED {CAUGHT_BY[sabotage]}" in said, said
