"""The connections under `platforms.http`: to public addresses only, and never longer than the time of their call."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from urllib3.util import connection as urllib3_connection

_NAME_SECONDS = 4.0

# ipaddress.is_global lets these through, although they lead to somebody's private network (RFC 6052, RFC 3056).
_TUNNELS = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"))


class Forbidden(OSError):
    """The host's address is not one we may call."""


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet: not private, shared, multicast, NAT64 or 6to4."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in network for network in _TUNNELS):
            return False
    return ip.is_global and not ip.is_multicast


def _connect(connection: Any, *, private_allowed: bool) -> socket.socket:
    """Resolve once, check, and connect to exactly the address that was checked (a second look-up could differ)."""
    host = connection._dns_host
    _watched(connection)
    try:
        found = _resolved(host, connection.port)
    except (OSError, UnicodeError) as error:
        raise urllib3.exceptions.NameResolutionError(host, connection, error) from error  # type: ignore[arg-type]
    address = str(found[0][4][0])
    if not private_allowed and not all(is_public(str(entry[4][0])) for entry in found):
        raise Forbidden(f"{host} is not a public address")
    try:
        return urllib3_connection.create_connection(
            (address, connection.port), connection.timeout, socket_options=connection.socket_options
        )
    except TimeoutError as error:
        raise urllib3.exceptions.ConnectTimeoutError(connection, f"no connection to {host}") from error
    except OSError as error:
        raise urllib3.exceptions.NewConnectionError(connection, f"no connection to {host}: {error}") from error


def _resolved(host: str, port: int) -> list[Any]:
    """The addresses of a host, asked in a thread: the resolver's own time-outs add up to half a minute."""
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.append(error)

    thread = threading.Thread(target=ask, name="resolver", daemon=True)
    thread.start()
    thread.join(_NAME_SECONDS)
    if not answer:
        raise socket.gaierror(socket.EAI_AGAIN, f"no answer in {_NAME_SECONDS:.0f} s")
    if isinstance(answer[0], BaseException):
        raise answer[0]
    return list(answer[0])


class _Underway(threading.local):
    """The connection the current thread is calling on."""

    connection: Any = None


_underway = _Underway()


def _watched(connection: Any) -> None:
    if _underway.connection is not None:
        _underway.connection.append(connection)


@contextmanager
def ended_in(seconds: float) -> Iterator[None]:
    """Shut the connection when the time is over. Time-outs of the socket start anew with every byte, so a server that
    drips its headers would keep us for hours."""
    connections: list[Any] = []
    _underway.connection = connections
    timer = threading.Timer(seconds, _shut_last, (connections,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        _underway.connection = None


def _shut_last(connections: list[Any]) -> None:
    try:
        socket.socket.shutdown(connections[-1].sock, socket.SHUT_RDWR)
    except (IndexError, OSError, TypeError, AttributeError):
        return  # closed already, or not yet open: then the time-out of connecting bounds it


def guarded_pools(private_allowed: bool) -> dict[str, Any]:
    class Plain(urllib3.connection.HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, private_allowed=private_allowed)

        def request(self, *arguments: Any, **options: Any) -> None:
            _watched(self)
            super().request(*arguments, **options)

    class Secure(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, private_allowed=private_allowed)

        def request(self, *arguments: Any, **options: Any) -> None:
            _watched(self)
            super().request(*arguments, **options)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
