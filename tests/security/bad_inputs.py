"""The table of bad inputs: what is odd, and the named end it comes to, on each of the three platforms.

Ends: a number is the refusing answer, and nothing is stored; `taken in: a, b` an order with these attention codes; `stale`
and `same` an older and an equal state; `recorded` a repeat of the very delivery; `ignored: words` a delivery kept with a
reason that holds the words; `dead: words` one set aside for a person; `waits: words` one that is tried again by itself.
`but` names the platforms that differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.security.odd_shops import ABSENT, PERSON, Line, Sold

LARGEST = 1024 * 1024


@dataclass(frozen=True)
class Sent:
    """A request as it goes out. `signature` and `delivery_id` are the names of those headers; `number` is the order's."""

    platform: str
    number: int
    path: str
    headers: tuple[tuple[str, bytes], ...]
    body: bytes
    signature: str
    delivery_id: str
    method: str = "POST"
    framing: str = "length"  # or "chunked", "none"

    def having(self, name: str, *values: bytes) -> Sent:
        """With these values of a header in place of those it had; none removes it."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return replace(self, headers=(*kept, *((name, value) for value in values)))

    def header(self, name: str) -> bytes:
        """A header's value."""
        return next(value for given, value in self.headers if given.lower() == name.lower())


Body = Callable[[int], bytes]
Turn = Callable[[Sent], Sent]


@dataclass(frozen=True)
class Row:
    """One bad input. `sold` is what the shop says of the order, `before` what it said first; `body` is signed in place of
    the delivery's own; `turn` changes the request after it was signed; `answer` is what the API gives in place of the order."""

    name: str
    ends: str
    sold: Sold = field(default_factory=Sold)
    before: Sold | None = None
    body: Body | None = None
    turn: Turn = lambda sent: sent
    answer: bytes | None = None
    but: Mapping[str, str] = field(default_factory=dict)

    def end(self, platform: str) -> str:
        """How it ends on a platform."""
        return self.but.get(platform, self.ends)


def _always(body: bytes) -> Body:
    return lambda number: body


def _named(text: str) -> Body:
    """A body that names the order in the words of all three platforms; `%d` is its number."""
    return lambda number: text.replace("%d", str(number)).encode("utf-8", "surrogatepass")


def _id(value: str) -> Body:
    """The order's id as given."""
    return _named(f'{{"id": {value}, "scope": "store/order/created", "data": {{"type": "order", "id": {value}}}}}')


_NOT_JSON, _NO_OBJECT, _NO_ORDER = "ignored: not JSON", "ignored: object", "ignored: names no order"
_THREE = '"scope": "store/order/created", "data": {"type": "order", "id": %d}'
# A bare id: WooCommerce's order is then read as the others' are.
_READ = "taken in"

BODIES = (
    Row("empty body", _NOT_JSON, body=_always(b"")),
    Row("one byte", _NOT_JSON, body=_always(b"{")),
    Row("1 MiB + 1", "413", body=_always(b"x" * (LARGEST + 1))),
    Row("exactly 1 MiB", _READ, body=lambda number: _id(str(number))(number).ljust(LARGEST)),
    Row("chunked", "taken in", turn=lambda sent: replace(sent, framing="chunked")),
    Row("no length and no chunks: an empty body", "401", turn=lambda sent: replace(sent, framing="none")),
    Row("gzip", "415", turn=lambda sent: sent.having("Content-Encoding", b"gzip")),
    Row("several encodings", "415", turn=lambda sent: sent.having("Content-Encoding", b"identity, gzip")),
    Row("not UTF-8", _NOT_JSON, body=_always(b'{"id": "\xff\xfe"}')),
    Row("UTF-16 with a mark", _READ, body=lambda number: _id(str(number))(number).decode().encode("utf-16")),
    Row("UTF-8 with a mark", _READ, body=lambda number: b"\xef\xbb\xbf" + _id(str(number))(number)),
    Row("NUL bytes", _NOT_JSON, body=_always(b"\x00" * 100)),
    Row("depth 10,000, lists", _NOT_JSON, body=_always(b"[" * 10_000 + b"]" * 10_000)),
    Row("depth 10,000, objects", _NOT_JSON, body=_always(b'{"id":' * 10_000 + b"1" + b"}" * 10_000)),
    Row("depth 500 within an order", _READ, body=_named('{"id": %d, "deep": ' + "[" * 500 + "]" * 500 + f", {_THREE}}}")),
    Row("a list", _NO_OBJECT, body=_always(b"[1]")),
    Row("a text", _NO_OBJECT, body=_always(b'"id"')),
    Row("null", _NO_OBJECT, body=_always(b"null")),
    Row("a number", _NO_OBJECT, body=_always(b"1")),
    Row("true", _NO_OBJECT, body=_always(b"true")),
    Row("the same key twice: the last one counts", _READ, body=_named('{"id": 1, "id": %d, ' + _THREE + "}")),
    Row("NaN beside the id", _READ, body=_named('{"id": %d, "total": NaN, ' + _THREE + "}")),
    Row("Infinity beside the id", _READ, body=_named('{"id": %d, "total": -Infinity, ' + _THREE + "}")),
    Row("1e400 beside the id", _READ, body=_named('{"id": %d, "total": 1e400, ' + _THREE + "}")),
    Row(
        "a number of 5,000 digits",
        _READ,
        body=_named('{"id": %d, "total": ' + "9" * 5000 + ", " + _THREE + "}"),
        but={"woocommerce": "dead: not JSON"},  # only there the order itself is read from the body
    ),
    Row("NUL in a text beside the id", _READ, body=_named('{"id": %d, "note": "a\\u0000b", ' + _THREE + "}")),
    Row("half a surrogate beside the id", _READ, body=_named('{"id": %d, "note": "\\ud800", ' + _THREE + "}")),
    Row("no order id", _NO_ORDER, body=_named('{"scope": "store/order/created", "data": {}}')),
    Row("an empty object", _NO_ORDER, body=_always(b"{}"), but={"bigcommerce": "ignored: names no scope"}),
    Row("id null", _NO_ORDER, body=_id("null")),
    Row("id a text of digits", _READ, body=_id('"%d"')),
    Row("id a text of letters", _NO_ORDER, body=_id('"abc"')),
    Row("id empty", _NO_ORDER, body=_id('""')),
    Row("id negative", _NO_ORDER, body=_id("-5")),
    Row("id 1.5", _NO_ORDER, body=_id("1.5")),
    Row("id true", _NO_ORDER, body=_id("true")),
    Row("id a list", _NO_ORDER, body=_id("[%d]")),
    Row("id an object", _NO_ORDER, body=_id('{"id": %d}')),
    Row("id NaN", _NO_ORDER, body=_id("NaN")),
    Row(
        "id past 64 bits",
        "ignored: names no order",
        body=_id("123456789012345678901234567890"),
        but={"woocommerce": "ignored: has no such order"},
    ),
    Row("id of 10,000 digits as a text", _NO_ORDER, body=_id('"' + "9" * 10_000 + '"')),
    Row("id with NUL", _NO_ORDER, body=_id('"a\\u0000b"')),
    Row("id half a surrogate", _NO_ORDER, body=_id('"\\ud800"')),
    Row("id with full-width digits", _NO_ORDER, body=_id('"１２"')),
    Row("id with a line break", _NO_ORDER, body=_id('"%d\\n"')),
    Row("a form", _NOT_JSON, body=_always(b"id=1&status=processing")),
    Row("an error object", "ignored: ", body=_always(b'{"code": "rest_forbidden", "message": "no", "data": {"status": 403}}')),
    Row("an order the shop does not have", "ignored: has no such order", body=_id("999000111")),
)


def _other_id(sent: Sent) -> Sent:
    return sent.having(sent.delivery_id, b"x" * 10_000)


def _topic(sent: Sent, topic: bytes) -> Sent:
    return sent.having("X-Shopify-Topic", topic).having("X-WC-Webhook-Topic", topic)


HEADERS = (
    Row("signature missing", "401", turn=lambda sent: sent.having(sent.signature)),
    Row("signature empty", "401", turn=lambda sent: sent.having(sent.signature, b"")),
    Row("signature not base64", "401", turn=lambda sent: sent.having(sent.signature, b"not base64 !")),
    Row("signature of the right length", "401", turn=lambda sent: sent.having(sent.signature, b"A" * 43 + b"=")),
    Row("signature twice", "401", turn=lambda sent: sent.having(sent.signature, *[sent.header(sent.signature)] * 2)),
    Row("signature not ASCII", "401", turn=lambda sent: sent.having(sent.signature, "é".encode() * 22)),
    Row("signature of 10 KB", "401", turn=lambda sent: sent.having(sent.signature, b"A" * 10_000)),
    Row("signature in hex", "401", turn=lambda sent: sent.having(sent.signature, b"0" * 64)),
    Row("body changed after signing", "401", turn=lambda sent: replace(sent, body=sent.body + b" ")),
    Row("delivery id missing", "taken in", turn=lambda sent: sent.having(sent.delivery_id), but={"bigcommerce": "401"}),
    Row("delivery id of 10 KB", "taken in", turn=_other_id, but={"bigcommerce": "401"}),
    Row("delivery id not ASCII", "taken in", turn=lambda sent: sent.having(sent.delivery_id, b"\xe9"),
        but={"bigcommerce": "401"}),
    Row("topic missing", "ignored: names no topic", turn=lambda sent: _no_topic(sent), but={"bigcommerce": "taken in"}),
    Row("topic unknown", "ignored: ", turn=lambda sent: _topic(sent, b"moon/risen"), but={"bigcommerce": "taken in"}),
    Row("topic of 8 KB", "ignored: ", turn=lambda sent: _topic(sent, b"a" * 8_000), but={"bigcommerce": "taken in"}),
    Row("topic not ASCII", "ignored: ", turn=lambda sent: _topic(sent, b"\xff\xe9"), but={"bigcommerce": "taken in"}),
    Row("an unknown scope", "ignored: does not concern orders", body=_named('{"scope": "store/moon/risen", "data": {"id": %d}}'),
        but={"shopify": "ignored: names no order", "woocommerce": "ignored: names no order"}),
    Row("a scope that is a number", "ignored: names no scope", body=_named('{"scope": 5, "data": {"id": %d}}'),
        but={"shopify": "ignored: names no order", "woocommerce": "ignored: names no order"}),
    Row("no content type", "taken in", turn=lambda sent: sent.having("Content-Type")),
    Row("content type of a form", "taken in",
        turn=lambda sent: sent.having("Content-Type", b"application/x-www-form-urlencoded")),
    Row("100 further headers", "taken in", turn=lambda sent: replace(sent, headers=(*sent.headers, *_MORE))),
    Row("GET", "405", turn=lambda sent: replace(sent, method="GET")),
    Row("PUT", "405", turn=lambda sent: replace(sent, method="PUT")),
    Row("unknown shop", "404", turn=lambda sent: _shop(sent, b"nobody")),
    Row("shop of another's domain", "404", turn=lambda sent: _shop(sent, b"evil.example")),
    Row("shop with a slash", "404", turn=lambda sent: replace(_shop(sent, b"a/b"), path=sent.path + "/b")),
    Row("shop with NUL", "404", turn=lambda sent: _shop(sent, b"a%00b")),
    Row("uninstalled an hour ago", "ignored: was uninstalled", turn=lambda sent: _shop(sent, b"left-lately")),
    Row("uninstalled three days ago", "404", turn=lambda sent: _shop(sent, b"left-long-ago")),
)  # fmt: skip

_MORE = tuple((f"X-More-{number}", b"x") for number in range(60))


def _no_topic(sent: Sent) -> Sent:
    return sent.having("X-Shopify-Topic").having("X-WC-Webhook-Topic")


def _shop(sent: Sent, name: bytes) -> Sent:
    """The same request in another shop's name."""
    if sent.platform == "shopify":
        return sent.having("X-Shopify-Shop-Domain", name + b".myshopify.com")
    return replace(sent, path=f"/webhooks/{sent.platform}/{name.decode()}-{sent.platform}")


def _one(**line: object) -> Sold:
    return Sold(lines=(Line(**line),))  # type: ignore[arg-type]


def _living(**person: object) -> Sold:
    return Sold(person={**PERSON, **person})


_NO_NUMBER = "dead: is not a number"
_LONG = "é" * 10_000

LINES = (
    Row("no lines", "taken in: no_lines", Sold(lines=(), total="0.00")),
    Row("1,000 lines", "taken in: unmapped", Sold(lines=tuple(Line(sku=f"S{n}") for n in range(1000)), total="10000.00")),
    Row("the same SKU on five lines", "taken in", Sold(lines=(Line(),) * 5, total="50.00")),
    Row("the same line id twice", "taken in", Sold(lines=(Line(id=5), Line(id=5)), total="20.00")),
    Row("SKU missing", "taken in: unmapped", _one(sku=ABSENT), but={"shopify": "dead: schema promises"}),
    Row("SKU null", "taken in: unmapped", _one(sku=None)),
    Row("SKU unknown", "taken in: unmapped", _one(sku="NOT-HERE")),
    Row("SKU of 300 characters", "taken in: unmapped", _one(sku="S" * 300)),
    Row("SKU an emoji", "taken in: unmapped", _one(sku="🧦")),
    Row("SKU with a space behind", "taken in", _one(sku="PEN ")),
    Row("SKU in small letters", "taken in: unmapped", _one(sku="pen")),
    Row("SKU a number", "taken in: unmapped", _one(sku=12345)),
    Row("SKU a list", "taken in: unmapped", _one(sku=["PEN"])),
    Row(
        "SKU with NUL", "taken in: odd_characters, unmapped", _one(sku="P\x00EN"), but={"woocommerce": "taken in: odd_characters"}
    ),
    Row("quantity 0", "taken in", Sold(lines=(Line(quantity=0, price="0.00"), Line()), total="10.00")),
    Row("quantity negative", "taken in: negative_quantity", Sold(lines=(Line(quantity=-2, price="0.00"), Line()))),
    Row("quantity 1.5", "taken in: fractional_quantity", _one(quantity=1.5), but={"shopify": "dead: not a whole number"}),
    Row("quantity 10^9", "taken in", Sold(lines=(Line(quantity=10**9, price="0.00"),), total="0.00")),
    Row(
        "quantity 10^9 on five lines",
        "taken in: impossible_quantity, no_lines",
        Sold(lines=(Line(quantity=10**9, price="0.00"),) * 5, total="0.00"),
    ),
    Row(
        "quantity 10^12",
        "taken in: impossible_quantity, no_lines",
        Sold(lines=(Line(quantity=10**12, price="0.00"),), total="0.00"),
        but={"woocommerce": "dead: too large"},
    ),
    Row("quantity 1e400", "dead: ", _one(quantity=float("inf"))),
    Row("quantity NaN", "dead: ", _one(quantity=float("nan"))),
    Row("quantity a text of digits", "taken in", _one(quantity="2"), but={"shopify": "dead: schema promises"}),
    Row("quantity a word", "dead: ", _one(quantity="two")),
    Row("quantity null", "taken in: no_lines", _one(quantity=None), but={"shopify": "dead: schema promises"}),
    Row("quantity a list", "dead: ", _one(quantity=[1])),
    Row("quantity true", "dead: number", _one(quantity=True)),
    Row("title empty", "taken in", _one(title="")),
    Row("title null", "taken in", _one(title=None)),
    Row("title with HTML", "taken in", _one(title="<script>alert(1)</script>")),
    Row("title of 10,000 characters", "taken in", _one(title=_LONG)),
    Row("title of half a surrogate", "taken in: odd_characters", _one(title="\ud83e")),
    Row(
        "custom line",
        "taken in: custom_line",
        _one(kind="custom", sku=""),
        but={"woocommerce": "taken in: product_deleted, unmapped"},
    ),
    Row("gift card", "taken in", _one(kind="gift", sku="GIFT"), but={"woocommerce": "taken in: unmapped"}),
    Row("digital line", "taken in", _one(kind="digital", sku="FILE")),
    Row(
        "product deleted",
        "taken in",
        _one(product=None),
        but={"woocommerce": "taken in: product_deleted", "bigcommerce": "taken in: custom_line"},
    ),
    Row(
        "component of a bundle",
        "taken in",
        Sold(lines=(Line(id=1), Line(id=2, parent=1)), total="20.00"),
        but={"bigcommerce": "taken in: bundle"},
    ),
)

MONEY = (
    Row("price 1,00", "dead: is not a number", _one(price="1,00"), but={"shopify": "dead: cannot be read"}),
    Row("price -0.00", "taken in", Sold(lines=(Line(price="-0.00"),), total="-0.00")),
    Row("price a word", "dead: is not a number", _one(price="free"), but={"shopify": "dead: cannot be read"}),
    Row("price null", "taken in", Sold(lines=(Line(price=None),), total="0.00"), but={"shopify": "dead: cannot be read"}),
    Row("price NaN", _NO_NUMBER, _one(price=float("nan"))),
    Row("price 1e400", _NO_NUMBER, _one(price="1e400")),
    Row("price beyond 64 bits", _NO_NUMBER, _one(price="9" * 25)),
    Row("price with 20 decimals", "taken in", _one(price="10.00000000000000000001")),
    Row("price a list", "dead: is not a number", _one(price=["1"]), but={"shopify": "dead: cannot be read"}),
    Row("total differs from its parts", "taken in: total_differs", Sold(total="99.00")),
    Row("total missing", "taken in: total_differs", Sold(total=ABSENT), but={"shopify": "dead: schema promises"}),
    Row("three decimals: KWD", "taken in", Sold(lines=(Line(price="1.234"),), currency="KWD", total="1.234")),
    Row("no decimals: JPY", "taken in", Sold(lines=(Line(price="1000"),), currency="JPY", total="1000")),
    Row("currency unknown", "taken in", Sold(currency="XXQ")),
    Row("currency missing", "taken in", Sold(currency=ABSENT), but={"shopify": "dead: schema promises"}),
    Row("currency null", "taken in", Sold(currency=None), but={"shopify": "dead: schema promises"}),
    Row("currency in small letters", "taken in", Sold(currency="eur")),
    Row("currency of 1,000 letters", "taken in", Sold(currency="E" * 1000)),
    Row("two currencies", "taken in", Sold(shown_currency="USD")),
    Row("refunded more than paid", "taken in", Sold(state="refunded", given_back="99.00")),
)

PEOPLE = (
    Row("no address", "taken in: no_address, no_customer", Sold(person=None)),
    Row(
        "no address, digital",
        "taken in: no_customer",
        Sold(lines=(Line(kind="digital", sku="FILE"),), person=None),
        but={"shopify": "taken in"},
    ),
    Row("no address, collected", "taken in: no_customer, pickup_unknown", Sold(person=None, pickup=True)),
    Row("Arabic", "taken in", _living(name="محمد علي", street="شارع الملك", city="الرياض")),
    Row("Japanese", "taken in", _living(name="山田太郎", street="千代田1-1", city="東京")),
    Row("right to left with control characters", "taken in: odd_characters", _living(name="\u202eevil\u202c\x07\x1b[31m")),
    Row("NUL in the name", "taken in: odd_characters", _living(name="Zo\x00é")),
    Row("half a surrogate in the name", "taken in: odd_characters", _living(name="Zo\ud800")),
    Row("street of 10,000 characters", "taken in", _living(street=_LONG)),
    Row("name of 10,000 characters", "taken in", _living(name=_LONG)),
    Row("name a number", "taken in", _living(name=5)),
    Row("name an object", "taken in", _living(name={"first": "Zoé"})),
    Row("postcode a number", "taken in", _living(postcode=13001)),
    Row("country of three letters", "taken in", _living(country="FRA")),
    Row("country null", "taken in", _living(country=None)),
    Row("phone invalid", "taken in", _living(phone="call me")),
    Row("mail missing", "taken in", _living(email="")),
    Row("mail with a line break", "taken in", _living(email="a@example.test\r\nBcc: b@example.test")),
    Row("note with HTML", "taken in", Sold(note="<img src=x onerror=alert(1)>")),
    Row("note with a formula", "taken in", Sold(note="=cmd|'/C calc'!A0")),
    Row("note with line breaks", "taken in", Sold(note="a\r\nSet-Cookie: b=c")),
    Row("note of 200,000 characters", "taken in", Sold(note="n" * 200_000)),
    Row("note null", "taken in", Sold(note=None)),
    Row("note a list", "taken in", Sold(note=["a"])),
    Row("note with template marks", "taken in", Sold(note="{{ 7 * 7 }} {% raw %} %s {0}")),
)

TIMES = (
    Row("placed missing", "dead: ", Sold(placed=ABSENT)),
    Row("placed null", "dead: ", Sold(placed=None)),
    Row("placed a word", "dead: ", Sold(placed="yesterday")),
    Row("placed a number", "dead: ", Sold(placed=1_700_000_000)),
    Row("placed in year 1", "taken in", Sold(placed="0001-01-01T00:00:00")),
    Row(
        "placed in year 1, east of Greenwich", "dead: ", Sold(placed="0001-01-01T00:00:00+14:00"), but={"bigcommerce": "taken in"}
    ),
    Row("placed in year 9999, west of Greenwich", "dead: ", Sold(placed="9999-12-31T23:59:59-12:00")),
    Row("placed far in the future", "taken in", Sold(placed="2999-01-01T00:00:00")),
    Row("changed without an offset", "taken in", Sold(changed="2026-11-20T10:00:05")),
    Row("changed with an odd offset", "taken in", Sold(changed="2026-11-20T10:00:05+05:45")),
    Row("changed missing", "dead: ", Sold(changed=ABSENT), but={"bigcommerce": "taken in"}),
    Row("changed on 30 February", "dead: ", Sold(changed="2026-02-30T00:00:00")),
    Row("changed in a leap second", "dead: ", Sold(changed="2026-06-30T23:59:60")),
)

LIVES = (
    Row("cancelled", "taken in", Sold(state="cancelled")),
    Row("cancelled before created", "stale", Sold(), before=Sold(state="cancelled", changed="2026-11-20T11:00:00")),
    Row("the same again", "same", Sold(), before=Sold(), but={"woocommerce": "recorded"}),
    Row("changed in the same second", "taken in", Sold(note="b"), before=Sold(note="a")),
    Row("edited to zero lines", "taken in: no_lines", Sold(lines=(), total="0.00", changed="2026-11-20T12:00:00"), before=Sold()),
    Row("handed over, never seen before", "taken in", Sold(state="shipped", lines=(Line(left=1),))),
    Row("handed over more than ordered", "taken in", Sold(lines=(Line(left=5),))),
    Row(
        "partly refunded with restock",
        "taken in",
        Sold(lines=(Line(quantity=3, refunded=1, restocked=1, price="0.00"),), total="0.00", given_back="3.00"),
    ),
    Row(
        "refunded more than ordered",
        "taken in: no_lines",
        Sold(lines=(Line(quantity=1, refunded=5, price="0.00"),), total="0.00", given_back="50.00"),
        but={"shopify": "taken in"},
    ),
    Row("a draft", "ignored: ", Sold(state="draft"), but={"shopify": "taken in"}),
    Row("a test order", "taken in", Sold(test=True), but={"shopify": "taken in: test_order"}),
    Row("not paid", "taken in", Sold(paid=False)),
)

_ANOTHER = b'{"id": 1, "data": {"order": {"id": "gid://shopify/Order/1", "name": "#1"}}}'
ANSWERS = (
    Row("the API answers a list", "waits: ", body=_id("%d"), answer=b"[]"),
    Row("the API answers null", "waits: ", body=_id("%d"), answer=b"null"),
    Row("the API answers half a JSON", "waits: ", body=_id("%d"), answer=b'{"id": '),
    Row("the API answers a page", "waits: ", body=_id("%d"), answer=b"<html>Maintenance</html>"),
    Row("the API answers an empty object", "waits: ", body=_id("%d"), answer=b"{}"),
    Row("the API answers another order", "waits: another order", body=_id("%d"), answer=_ANOTHER),
)

TABLE = (*BODIES, *HEADERS, *LINES, *MONEY, *PEOPLE, *TIMES, *LIVES, *ANSWERS)
