"""Tokens that expire: many at the expiry minute make one exchange, a lost answer recovers, a revoked one tells the merchant."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from connector.db import engine as engines
from connector.db import installs
from connector.db import shops as rows
from connector.db import tokens as leases
from connector.db.sealed import Seal
from connector.flow import shops, tokens
from connector.platform import Account, AuthLost, Platform, Retryable, Shop, TokenRefused
from tests.flow.toy import Toy

_WORKERS = 50
_START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class Issuer:
    """The platform's token endpoint: the newest refresh token and its predecessor work."""

    good_for: timedelta = timedelta(hours=1)
    calls: int = 0
    given: int = 0
    fails: list[Exception] = field(default_factory=list)
    loses: int = 0
    accepted: str = "a1"
    clock: Callable[[], datetime] = lambda: _START
    lock: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self, shop: Shop) -> Mapping[str, str]:
        with self.lock:
            self.calls += 1
            time.sleep(0.05)  # so that the others arrive meanwhile
            if self.fails:
                raise self.fails.pop(0)
            self.given += 1
            self.accepted = f"a{self.given + 1}"
            if self.loses:
                self.loses -= 1
                raise Retryable("The answer was lost.", effect_unknown=True)
            end = (self.clock() + self.good_for).isoformat()
            return {"token": self.accepted, "refresh_token": f"r{self.given + 1}", "token_expires_at": end}

    def check(self, shop: Shop) -> Account:
        if shop.credentials.get("token") != self.accepted:
            raise TokenRefused("The token is refused.", "Link the shop again.")
        return Account("toy-store", "Toy", "EUR")


@dataclass
class Desk:
    engine: Engine
    seal: Seal
    issuer: Issuer
    platform: Platform
    now: datetime = _START

    def shop(self) -> Shop:
        with self.engine.connect() as conn:
            found = rows.load(conn, self.seal, platform="toy", external_id="toy-store")
        assert found
        return found

    def state(self) -> tuple[str, list[str]]:
        with self.engine.connect() as conn:
            shop = self.shop()
            return rows.health(conn, shop.id).state, [notice.code for notice in installs.notices(conn, shop.id)]


@pytest.fixture
def desk(database_url: str, seal: Seal) -> Iterator[Desk]:
    """A shop whose token ends in an hour, with a connection for every worker."""
    engine, issuer = engines.create(database_url, pool_size=_WORKERS + 5, name="tests"), Issuer()
    toy = replace(Toy().platform(), check=lambda shop: Account("toy-store", "Toy", "EUR"))
    shop, _ = shops.add(engine, seal, toy, {"token": "a1"}, "https://connector.example", _START)
    with engine.begin() as conn:
        end = (_START + timedelta(hours=1)).isoformat()
        rows.merge_credentials(conn, seal, shop.id, {"refresh_token": "r1", "token_expires_at": end})
    wanted = Desk(engine, seal, issuer, toy)
    bare = replace(toy, check=issuer.check, refresh=issuer.refresh)
    wanted.platform = tokens.kept_fresh(engine, seal, bare, lambda: wanted.now)
    issuer.clock = lambda: wanted.now
    yield wanted
    engine.dispose()


def _all_call(desk: Desk) -> list[Account | Exception]:
    """Every worker has read the shop before any of them calls."""
    shop, together = desk.shop(), threading.Barrier(_WORKERS)

    def call(_: int) -> Account | Exception:
        together.wait()
        try:
            return desk.platform.check(shop)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    with ThreadPoolExecutor(_WORKERS) as workers:
        return list(workers.map(call, range(_WORKERS)))


def test_a_token_that_is_good_is_left_alone(desk: Desk) -> None:
    assert desk.platform.check(desk.shop()).name == "Toy"
    assert desk.issuer.calls == 0


@pytest.mark.parametrize("after", [timedelta(minutes=55, seconds=30), timedelta(minutes=60, seconds=30)])
def test_fifty_workers_at_the_expiry_minute_make_one_exchange(desk: Desk, after: timedelta) -> None:
    """Before its end the others go on with the old token (here refused, as its successor is in use); after it they wait."""
    desk.now = _START + after
    answers = _all_call(desk)
    assert [answer for answer in answers if not isinstance(answer, Account)] == []
    assert desk.issuer.calls == 1
    assert desk.shop().credentials["token"] == desk.issuer.accepted
    assert desk.shop().credentials["refresh_token"] == "r2"


def test_a_lost_answer_recovers(desk: Desk) -> None:
    desk.now, desk.issuer.loses = _START + timedelta(hours=2), 1
    shop = desk.shop()
    with pytest.raises(Retryable):
        desk.platform.check(shop)
    assert desk.shop().credentials["refresh_token"] == "r1"
    assert desk.platform.check(shop).name == "Toy"
    assert desk.issuer.calls == 2
    assert desk.state() == ("linked", [])


def test_one_who_died_over_the_exchange_holds_it_up_for_its_lease_only(desk: Desk) -> None:
    desk.now = _START + timedelta(hours=2)
    with desk.engine.begin() as conn:
        assert leases.claim(conn, desk.shop().id, "dead", desk.now, desk.now + timedelta(seconds=30))
        assert not leases.claim(conn, desk.shop().id, "other", desk.now, desk.now + timedelta(seconds=30))
    desk.now += timedelta(seconds=31)
    assert desk.platform.check(desk.shop()).name == "Toy"


def test_a_revoked_refresh_token_pauses_the_shop_and_tells_the_merchant_once(desk: Desk) -> None:
    desk.now = _START + timedelta(hours=2)
    desk.issuer.fails = [AuthLost("Access is renewed no more.", "Install it again."), AuthLost("No more.", "Install it again.")]
    for _ in range(2):
        with pytest.raises(AuthLost):
            desk.platform.check(desk.shop())
    assert desk.state() == ("paused", [installs.RECONNECT])
    assert desk.platform.check(desk.shop()).name == "Toy"  # the platform thought better of it
    assert desk.state()[1] == []


def test_a_refused_token_is_exchanged_once_and_the_call_made_again(desk: Desk) -> None:
    desk.issuer.accepted = "changed elsewhere"
    assert desk.platform.check(desk.shop()).name == "Toy"
    assert desk.issuer.calls == 1
    desk.issuer.accepted = "changed again"
    stale = replace(desk.shop())
    desk.issuer.accepted, desk.issuer.given = "never right", 90
    desk.issuer.refresh = lambda shop: {"token": "useless"}  # type: ignore[method-assign]
    with pytest.raises(TokenRefused):
        tokens.kept_fresh(
            desk.engine, desk.seal, replace(desk.platform, check=desk.issuer.check, refresh=desk.issuer.refresh), lambda: desk.now
        ).check(stale)


def test_keeping_a_webhook_secret_does_not_bring_an_old_token_back(desk: Desk) -> None:
    """Subscribing read the shop before another worker exchanged its tokens."""
    stale = desk.shop()
    desk.now = _START + timedelta(hours=2)
    desk.platform.check(desk.shop())
    shops.subscribe(desk.engine, desk.seal, replace(desk.platform, refresh=None), stale, "https://connector.example")
    assert desk.shop().credentials["token"] == desk.issuer.accepted
