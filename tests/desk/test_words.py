"""Both languages are complete, and every code has its words."""

from __future__ import annotations

import re

import pytest
from babel import Locale

from connector.domain import fulfillment
from connector.domain.explanation import SENTENCES, in_words
from connector.domain.orders import Handover, LineKind, Payment
from connector.platform import Act
from connector.platform import Told as Outcomes
from desk import catalogue, show, words
from desk.amounts import money, parse_amount, typed_amount
from tests.desk import seeding
from tests.desk.conftest import Reader
from tests.desk.seeding import Town, order

_PLACEHOLDERS = re.compile(r"%\(\w+\)s|\{\w+\}")


@pytest.mark.parametrize("language", catalogue.translated())
class TestCatalogues:
    def test_every_sentence_is_translated_and_none_is_a_guess(self, language: str) -> None:
        kept = catalogue.read(language)
        wanted = {message.id for message in catalogue.gathered() if message.id}
        have = {message.id: message for message in kept if message.id}
        assert wanted == set(have), "run `python -m desk.catalogue`"
        assert not [message.id for message in have.values() if not message.string or not all(message.string) or message.fuzzy]

    def test_translations_keep_the_facts(self, language: str) -> None:
        for message in catalogue.read(language):
            texts = [message.string] if isinstance(message.string, str) else message.string
            original = message.id if isinstance(message.id, str) else message.id[0]
            for text in texts if original else ():
                assert sorted(_PLACEHOLDERS.findall(text)) == sorted(_PLACEHOLDERS.findall(original)), original

    def test_the_compiled_catalogue_is_that_of_the_text(self, language: str) -> None:
        assert catalogue.po_path(language).with_suffix(".mo").read_bytes() == catalogue.compiled(catalogue.read(language))


def test_every_code_has_its_words() -> None:
    assert {str(state) for state in fulfillment.State} <= set(words.STATES)
    assert {str(payment) for payment in Payment} <= set(words.PAYMENTS)
    assert {str(way) for way in Handover} == set(words.HANDOVERS)
    assert set(fulfillment.Step) == set(words.STEPS) == set(words.DONE)
    assert {str(step) for step in fulfillment.Step} == set(words.MOVED)
    assert {str(act) for act in Act} == set(words.ACTS)
    assert {("delivered", str(told)) for told in Outcomes} <= set(words.TOLD)
    assert {str(kind) for kind in LineKind} - {"physical"} == set(words.LINE_KINDS)


def test_every_reason_can_be_said_in_french(reader: Reader, town: Town) -> None:
    with reader.client.application.test_request_context("/?lang=fr"):
        for code, sentence in SENTENCES.items():
            facts = dict.fromkeys(re.findall(r"\{(\w+)\}", sentence), "X")
            said = show.explanation([{"code": code, **facts}])
            assert "X" in said or not facts
            assert said != sentence.format(**facts)
        assert show.explanation([{"code": "of_tomorrow"}]) == "of tomorrow"


def test_a_language_is_chosen_by_address_then_cookie_then_browser(reader: Reader, town: Town) -> None:
    town.place(order(("BK-004", 3), paid=False))
    reader.get("/orders", headers={"Accept-Language": "fr-FR,fr;q=0.9"})
    assert '<html lang="fr">' in reader.page
    assert "29,70\u202f€" in reader.page.replace("\u00a0", "\u202f")
    assert "Impayée" in reader.page
    reader.get("/orders?lang=en", headers={"Accept-Language": "fr"})
    assert '<html lang="en">' in reader.page
    reader.get("/orders", headers={"Accept-Language": "fr"})
    assert '<html lang="en">' in reader.page
    reader.get("/orders?lang=xx", headers={"Accept-Language": "de"})
    assert '<html lang="en">' in reader.page


def test_refusals_are_said_in_french_with_the_amount(reader: Reader, town: Town) -> None:
    order_id = town.place(order(("BK-004", 3), paid=False))
    town.move(town.parts(order_id)[0], fulfillment.Step.PACK)
    reader.get(f"/orders/{order_id}?lang=fr")
    assert "Il reste 29,70" in reader.page
    reader.send("/payments", amount="29,70")
    assert "enregistrés. Personne n’a été débité." in reader.page


def test_times_are_in_the_browsers_zone(reader: Reader, town: Town) -> None:
    noon = seeding.NOW.replace(hour=12, minute=0, year=2020)
    town.place(order(("BK-001", 1), placed_at=noon))
    reader.client.set_cookie("tz", "Asia/Tokyo")
    assert "9:00" in reader.get("/orders").get_data(as_text=True)
    reader.client.set_cookie("tz", "Middle-earth")
    assert reader.get("/orders").status_code == 200


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("19,90", "EUR", 1990),
        ("19.9", "EUR", 1990),
        ("1 200", "EUR", 120000),
        ("1\u202f200,50", "EUR", 120050),
        ("500", "JPY", 500),
        ("1,234", "KWD", 1234),
        ("1,234", "EUR", None),
        ("5.5", "JPY", None),
        ("-1", "EUR", None),
        ("1e3", "EUR", None),
        ("", "EUR", None),
        ("٣", "EUR", None),
    ],
)
def test_typed_amounts(typed: str, currency: str, minor: int | None) -> None:
    assert parse_amount(typed, currency) == minor


def test_amounts_come_back_as_they_were_shown() -> None:
    for language in ("en", "fr"):
        locale = Locale(language)
        for minor, currency in ((123456789, "EUR"), (500, "JPY"), (1234, "KWD"), (7, "EUR")):
            assert parse_amount(typed_amount(minor, currency, locale), currency) == minor
    assert money(1234, "KWD", Locale("en")) == "KWD1.234"
    assert money(123456, "EUR", Locale("en")) == "€1,234.56"


def test_one_unit_is_said_as_one(reader: Reader, town: Town) -> None:
    steps = [{"code": "part", "location": "Quay", "units": 1}, {"code": "part", "location": "Depot", "units": 2}]
    assert in_words(steps) == "Quay gives 1 unit. Depot gives 2 units."
    with reader.client.application.test_request_context("/?lang=en"):
        assert show.explanation(steps) == "Quay gives 1 unit. Depot gives 2 units."
        assert show.fill(words.EVENTS["returned"], units=1) == "1 unit came back and is on the shelf again."
    with reader.client.application.test_request_context("/?lang=fr"):
        assert show.explanation(steps) == "Quay fournit 1 unité. Depot fournit 2 unités."
        assert show.fill(words.EVENTS["returned"], units=2) == "2 unités sont revenues et sont de nouveau en rayon."
    assert set(words.OF_ONE_UNIT) == {
        text for text in [*SENTENCES.values(), *words.EVENTS.values()] if " {units} units" in f" {text}"
    }
