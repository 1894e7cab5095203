"""How values look on a page: money, times, words and explanations in the language of the request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from babel.dates import format_date, format_datetime, format_skeleton, format_time, format_timedelta
from babel.numbers import format_decimal
from flask import Flask, request, url_for
from flask_babel import get_timezone

from connector.db.event_views import EndpointRow
from connector.db.order_views import Event, OrderDetail, OrderRow, Told
from connector.domain.errors import ConnectorError
from connector.domain.explanation import SENTENCES
from connector.domain.fulfillment import Refusal, Step
from desk import amounts, words
from desk.blueprint import house
from desk.language import LANGUAGES, gettext, locale, ngettext
from desk.pictures import initial

__all__ = ["initial"]

_STATIC = Path(__file__).parent / "static"
_MOMENT = timedelta(minutes=1)


def install(app: Flask) -> None:
    """Give the templates this file as `show`."""
    from desk import entry, show

    app.jinja_env.globals.update(show=show, LANGUAGES=LANGUAGES, present=entry.present, can=entry.can)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


CARRIERS = ("Colissimo", "Chronopost", "Mondial Relay", "DHL", "DPD", "GLS", "UPS", "FedEx")


PAPERS = words.PAPERS


def language() -> str:
    """The code of the page's language."""
    return str(locale())


def in_language(code: str) -> str:
    """This page's address in another language; that of the list where the page is the answer to a form."""
    path = request.path if request.method == "GET" else url_for("desk.orders")
    kept = request.args if request.method == "GET" else {}
    return f"{path}?{urlencode({**kept, 'lang': code})}"


# --- money, times, addresses -----------------------------------------------------------------------------------------


def money(minor: int, currency: str) -> str:
    """An amount as the reader's language writes it."""
    return amounts.money(minor, currency, locale())


def typed_amount(minor: int, currency: str) -> str:
    """An amount as it stands in a form's field."""
    return amounts.typed_amount(minor, currency, locale())


def when(at: datetime) -> str:
    """The time of day, with the date unless it is today, and the year unless it is this one."""
    here, today = at.astimezone(get_timezone()), datetime.now(get_timezone())
    clock = format_time(here, "short", locale=locale())
    if here.date() == today.date():
        return clock
    skeleton = "MMMd" if here.year == today.year else "yMMMd"
    return f"{format_skeleton(skeleton, here, locale=locale())}, {clock}"


def month(first: datetime) -> str:
    """A month of the filter: "mars 2026"."""
    return format_skeleton("yMMMM", first, tzinfo=UTC, locale=locale())


def date(at: datetime) -> str:
    """A day as it stands on paper."""
    return format_date(at.astimezone(get_timezone()), "long", locale=locale())


def hour(at: datetime) -> str:
    """The hour of a day as an axis has it."""
    return format_time(at, "HH:mm" if locale().language != "en" else "short", tzinfo=get_timezone(), locale=locale())


def seconds(number: float) -> str:
    """A short time: "25 ms", "1.5 s"; what is over every bound is "longer"."""
    if number == float("inf"):
        return gettext("longer")
    if number < 1:
        return f"{format_decimal(round(number * 1000, 1 if number < 0.01 else 0), locale=locale())} ms"
    return f"{format_decimal(round(number, 1), locale=locale())} s"


def failure(kind: str) -> str:
    """How a call failed."""
    return gettext(words.FAILURES[kind]) if kind in words.FAILURES else kind


def receiver(name: str) -> str:
    """Who was called: a platform, or an endpoint of the merchant's."""
    return gettext("Endpoints") if name == "endpoint" else platform(name)


def full_time(at: datetime) -> str:
    """Date and time in full."""
    return format_datetime(at, "long", tzinfo=get_timezone(), locale=locale())


def ago(at: datetime) -> str:
    """How long it has waited: "12 minutes"; "" within the first minute."""
    since = datetime.now(UTC) - at
    return format_timedelta(since, granularity="minute", threshold=1.2, locale=locale()) if since >= _MOMENT else ""


def address_lines(address: Mapping[str, str]) -> list[str]:
    """A postal address as lines, without the empty ones."""
    town = " ".join(filter(None, (address.get("postcode", ""), address.get("city", ""))))
    lines = [address.get(name, "") for name in ("name", "company", "street", "street2")]
    return [line for line in (*lines, town, address.get("region", ""), _country(address.get("country", ""))) if line]


def web_link(text: str) -> str:
    """`text` where it is an http(s) address, else "": other kinds of link can run script."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return ""
    return text.strip() if parts.scheme in ("http", "https") and parts.netloc else ""


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    return url_for("desk.static", filename=name, v=_fingerprint(name))


# --- words -----------------------------------------------------------------------------------------------------------


def state(code: str) -> tuple[str, str]:
    """(word, tone) of a state."""
    return _chip(words.STATES, code)


def payment(row: OrderRow) -> tuple[str, str]:
    """(word, tone) of the money: "nothing owed" where payments recorded here cover what the platform misses."""
    settled = row.owed_minor == 0 and row.payment in ("unpaid", "authorized", "partly_paid")
    return _chip(words.PAYMENTS, "settled" if settled else row.payment)


def payment_word(code: str) -> str:
    """The word of a payment state."""
    return _chip(words.PAYMENTS, code)[0]


def payment_words(codes: Iterable[str]) -> list[tuple[str, str]]:
    """(code, word) of payment states, for a choice."""
    return [(code, payment_word(code)) for code in codes]


def handover(code: str) -> str:
    """The word of a way of handing over."""
    return gettext(words.HANDOVERS[code]) if code in words.HANDOVERS else code


def step(code: Step) -> str:
    """The words on a step's button."""
    return gettext(words.STEPS[code])


def kind(code: str) -> str:
    """What a line sells, where it is not simply an article."""
    return gettext(words.LINE_KINDS[code]) if code in words.LINE_KINDS else ""


def coming(state: str, handover: str) -> str:
    """What a person does next with a part in this state."""
    sentence = words.NEXT.get((state, handover)) or words.NEXT.get((state, ""), "")
    return gettext(sentence) if sentence else ""


def attention(code: str) -> str:
    """Why someone should look at an order."""
    return fill(words.ATTENTION.get(code, words.ATTENTION_OTHER), code=code)


def platform(name: str) -> str:
    """A platform's name as people write it."""
    return house().titles.get(name, name.capitalize())


def explanation(steps: Iterable[Mapping[str, Any]]) -> str:
    """The steps of a decision in words."""
    return " ".join(_sentence(step) for step in steps)


def refusal(reason: Refusal, wanted: Step, detail: OrderDetail, part_state: str) -> str:
    """Why a step is not possible, with what is missing."""
    row = detail.row
    return fill(
        words.REFUSALS.get(reason.code, reason.message),
        state=state(part_state)[0],
        step=step(wanted),
        handover=handover(row.handover),
        platform=platform(row.platform),
        owed=money(row.owed_minor, row.currency),
    )


def told(entry: Told, of_platform: str) -> tuple[str, str]:
    """(sentence, tone) of how telling the platform stands."""
    if entry.state == "waiting" and entry.tries:
        facts = {"tries": entry.tries, "due": when(entry.due_at)}
        return fill(words.TOLD_AGAIN, platform=platform(of_platform), **facts), "owed"
    sentence, tone = _told_sentence(entry.state, entry.outcome)
    return fill(sentence, platform=platform(of_platform)), tone


def act(code: str) -> str:
    """What the platform is told."""
    return gettext(words.ACTS[code]) if code in words.ACTS else code


def event(entry: Event, currency: str) -> str:
    """One entry of the timeline in words."""
    facts = dict(entry.facts)
    if "amount_minor" in facts:
        facts["amount"] = money(int(facts["amount_minor"]), str(facts.get("currency") or currency))
    if "act" in facts:
        facts["act"] = act(str(facts["act"]))
    if "fields" in facts:
        facts["fields"] = ", ".join(person_field(str(name)) for name in facts["fields"])
    if entry.code == "told":
        return f"{facts['act']} – {fill(_told_sentence('delivered', str(facts.get('told', '')))[0], **facts)}"
    sentence = words.MOVED.get(str(facts.get("step"))) if entry.code == "moved" else words.EVENTS.get(entry.code)
    return fill(sentence, **facts) if sentence else entry.code.replace("_", " ")


def timeline(detail: OrderDetail) -> list[tuple[datetime, str, str, str]]:
    """Everything that happened, the newest first, each failed attempt towards the platform among it: (when, sentence, what the
    platform said, who)."""
    found = [(entry.at, event(entry, detail.row.currency), "", actor(entry.actor)) for entry in detail.events]
    for entry in detail.told:
        facts = {"act": act(entry.act), "platform": platform(detail.row.platform)}
        for number, (at, how, said) in enumerate(entry.tried, start=1):
            sentence = fill(words.TRIED, **facts, how=failure(how), number=number)
            found.append((at, sentence, said, actor("connector")))
    return sorted(found, key=lambda one: one[0])[::-1]  # of the same moment, what was written last comes first


def person_field(name: str) -> str:
    """ "shipping.street" in words."""
    section, _, one = name.partition(".")
    known = gettext(words.SECTIONS[section]) if section in words.SECTIONS else section
    return f"{known} – {gettext(words.FIELDS[one]) if one in words.FIELDS else one}"


def actor(name: str) -> str:
    """Who did it."""
    return gettext(words.ACTORS[name]) if name in words.ACTORS else name


def role(name: str) -> tuple[str, str]:
    """(word, what it may do) of a role."""
    word, duties = words.ROLES[name]
    return gettext(word), gettext(duties)


def shop_state(code: str) -> tuple[str, str]:
    """(word, tone) of how a shop is linked."""
    return _chip(words.SHOP_STATES, code)


def lost_link(loss: str, shop: str) -> str:
    """What it means that a shop's link is broken."""
    return fill(words.LOST_LINKS[loss], shop=shop)


def box(name: str) -> str:
    """The inbox or the outbox."""
    return gettext(words.BOXES[name])


def box_state(code: str) -> tuple[str, str]:
    """(word, tone) of a row of inbox or outbox."""
    return _chip(words.BOX_STATES, code)


def ending(reason: str) -> str:
    """How a delivery ended; "" for reasons that are sentences, which are in English."""
    return gettext(words.ENDINGS[reason]) if reason in words.ENDINGS else ""


def endpoint_state(row: EndpointRow) -> tuple[str, str]:
    """(word, tone) of how an endpoint stands."""
    failing = row.state == "active" and row.failing_since is not None
    return _chip(words.ENDPOINT_STATES, "failing" if failing else row.state)


def event_type(code: str) -> str:
    """What an endpoint is told of, in words."""
    return gettext(words.EVENT_TYPES[code]) if code in words.EVENT_TYPES else code


def remedy(name: str) -> str:
    """What to do about what was given up."""
    return gettext(words.REMEDIES[name])


def route(endpoint: str) -> str:
    """An act of the record in words."""
    return gettext(words.ROUTES[endpoint]) if endpoint in words.ROUTES else endpoint.removeprefix("desk.").replace("_", " ")


def outcome(code: str) -> str:
    """How an act of the record ended."""
    return gettext(words.OUTCOMES.get(code.split()[0], code))


def rejection(error: ConnectorError) -> str:
    """What was refused, and what to do."""
    return f"{gettext(error.message)} {gettext(error.remedy)}".strip()


def fill(sentence: str, **facts: object) -> str:
    """The translated sentence with its facts; one that is missing shows as a dash, and never breaks a page."""
    one, units = words.OF_ONE_UNIT.get(sentence), facts.get("units")
    said = ngettext(one, sentence, units) if one and isinstance(units, int) else gettext(sentence)
    return said.format_map(_Facts(facts))


def _told_sentence(state: str, outcome: str) -> tuple[str, str]:
    return words.TOLD.get((state, outcome)) or words.TOLD[(state, "")]


class _Facts(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "–"


def _sentence(step: Mapping[str, Any]) -> str:
    code = str(step.get("code", ""))
    facts = {name: value for name, value in step.items() if name != "code"}
    return fill(SENTENCES[code], **facts) if code in SENTENCES else code.replace("_", " ")


def _chip(table: Mapping[str, tuple[str, str]], code: str) -> tuple[str, str]:
    word, tone = table.get(code, (code, "plain"))
    return (gettext(word) if word else ""), tone


def _country(code: str) -> str:
    return str(locale().territories.get(code.upper(), code))
