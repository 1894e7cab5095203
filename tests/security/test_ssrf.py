"""No shop's address leads a call into a private network: forty addresses and names, and none reaches a listener."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.utils import redirect

from connector.domain.errors import ConnectorError
from connector.platform import Platform
from platforms import woocommerce
from platforms.http import Http
from tests.serving import Receiver, serve

# What an attacker may give as the site of a shop. `{port}` is where the listener waits on loopback.
ADDRESSES = (
    "https://127.0.0.1:{port}",
    "https://127.0.0.1",
    "http://127.0.0.1:{port}",
    "https://localhost:{port}",
    "https://localhost.:{port}",
    "https://LOCALHOST",
    "https://127.1:{port}",
    "https://127.0.1",
    "https://2130706433",
    "https://0x7f000001",
    "https://0x7f.0.0.1",
    "https://0177.0.0.1",
    "https://017700000001",
    "https://0",
    "https://0.0.0.0",
    "https://[::1]",
    "https://[::]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:7f00:1]",
    "https://[0:0:0:0:0:ffff:127.0.0.1]",
    "https://[64:ff9b::7f00:1]",
    "https://[64:ff9b::10.0.0.1]",
    "https://[2002:7f00:1::]",
    "https://[fe80::1]",
    "https://[fc00::1]",
    "https://[ff02::1]",
    "https://10.0.0.1",
    "https://172.16.0.1",
    "https://192.168.1.1",
    "https://100.64.0.1",
    "https://169.254.169.254",
    "https://198.18.0.1",
    "https://192.0.0.1",
    "https://224.0.0.1",
    "https://240.0.0.1",
    "https://255.255.255.255",
    "https://user:pass@127.0.0.1:{port}",
    "https://shop.example@127.0.0.1:{port}",
    "https://127.0.0.1:{port}#@shop.example",
    "https://127.0.0.1:{port}?shop.example",
    "https://shop.example:22",
    "ftp://127.0.0.1:{port}",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "https://①②⑦.⓪.⓪.①",
    "https://shop.example\r\nHost: 127.0.0.1",
)
# Names that lead to these, whatever a resolver answers at the second look.
REBOUND = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fc00::1")


@pytest.fixture
def listener() -> Iterator[tuple[int, list[str]]]:
    """A port on loopback, and who came there."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        closing = threading.Event()

        def wait() -> None:
            while not closing.is_set():
                try:
                    connection, address = server.accept()
                except TimeoutError:
                    continue
                came.append(str(address))
                connection.close()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        yield server.getsockname()[1], came
        closing.set()
        thread.join()


def test_there_are_forty() -> None:
    assert len({*ADDRESSES, *REBOUND}) >= 40


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_reaches_nobody(address: str, listener: tuple[int, list[str]], unreachable: list[Any]) -> None:
    port, came = listener
    given = address.replace("{port}", str(port))
    platform = woocommerce.build(Http(total_seconds=3))
    with pytest.raises(ConnectorError) as refused:
        _opened_and_called(platform, given)
    assert refused.value.remedy
    assert (came, unreachable) == ([], [])


def _opened_and_called(platform: Platform, given: str) -> None:
    _, site, _ = platform.open_shop({"url": given, "key": "ck_" + "a" * 40, "secret": "cs_" + "b" * 40})
    Http(total_seconds=3).call("GET", site)


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was connected to in the end: nothing may be."""
    connected: list[Any] = []

    def connect(address: Any, *_: Any, **__: Any) -> socket.socket:
        connected.append(address)
        raise OSError("this test lets nobody out")

    monkeypatch.setattr("platforms.connections.urllib3_connection.create_connection", connect)
    return connected


@pytest.mark.parametrize("address", REBOUND)
def test_a_name_that_leads_inside_is_not_called(
    address: str, listener: tuple[int, list[str]], unreachable: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))
        return [public, (family, socket.SOCK_STREAM, 6, "", (address, port))]  # one private address is one too many

    monkeypatch.setattr("platforms.connections.socket.getaddrinfo", resolve)
    with pytest.raises(ConnectorError, match="public"):
        Http(total_seconds=3).call("GET", "https://shop.example/")
    assert (listener[1], unreachable) == ([], [])


def test_what_was_checked_is_what_is_called(unreachable: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"  # rebound after the first look
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr("platforms.connections.socket.getaddrinfo", resolve)
    monkeypatch.setattr("platforms.http._READ_AGAIN_TIMES", 1)
    with pytest.raises(ConnectorError):
        Http(total_seconds=3).call("POST", "https://shop.example/")
    assert unreachable == [("93.184.216.34", 443)]


def test_no_redirect_is_followed_and_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = Receiver()
    with serve(inside) as private, serve(redirect(f"{private}/inside")) as public:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, private)
        answer = Http(private_allowed=True).call("GET", f"{public}/there")
    assert answer.status == 302
    assert inside.received == []
