"""`connector up`: everything at once, on embedded services where none are set, until Ctrl-C."""

from __future__ import annotations

import errno
import http.client
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config import embedded, settings
from config.child import Program
from config.embedded import Owned
from config.settings import Settings
from connector.domain.errors import ConnectorError
from jobs.lines import Lines
from jobs.supervisor import Supervisor, end_earlier
from sandbox import registration
from sandbox.catalogue import CREDENTIALS

_READY_SECONDS = 60.0
_MIGRATED_SECONDS = 3600.0
_FURNISHED_SECONDS = 300.0
_ANSWER_SECONDS = 0.5
_SANDBOX_HOST = "127.0.0.1"
# With the services' 3 s this stays below 10 s. The worker gives up its job at 6 s.
_GRACE_SECONDS = 6.5


def up(*, sandbox: bool = False, orders_per_minute: float | None = None, port: int | None = None) -> None:
    """Run web, workers and clock (and the sandbox shops) until Ctrl-C or SIGTERM; what dies is started again.

    ConnectorError where a port is taken, the services do not start, or the migrations fail.
    """
    chosen = _chosen(sandbox, orders_per_minute, port)
    with embedded.owned(chosen) as owned:
        note = chosen.data_dir / "processes.json"
        end_earlier(note)
        _check_ports(chosen, sandbox)
        programs = _programs(chosen, owned, sandbox)
        supervisor = Supervisor(Lines(sys.stdout, [*_names(owned), *programs]), note)
        with supervisor.signals():
            try:
                _run(supervisor, chosen, owned, programs)
            finally:
                supervisor.stop(list(programs))  # before the services they need
                supervisor.close()


def _run(supervisor: Supervisor, chosen: Settings, owned: Owned, programs: Mapping[str, Program]) -> None:
    with _unless_stopping(supervisor):
        _start_services(supervisor, owned)
        owned.announce(chosen)
        _migrate(supervisor, programs["migrate"])
        for name, program in programs.items():
            if name not in ("migrate", "demo"):
                supervisor.start(program)
        _wait_for_answer(supervisor, "web", _reached_at(chosen.host), chosen.port, "/healthz")
        if "sandbox" in programs:
            _wait_for_answer(supervisor, "sandbox", _SANDBOX_HOST, chosen.sandbox_port, "/")
            _furnish(supervisor, programs, chosen)
        supervisor.say(_welcome(chosen, "sandbox" in programs))
        supervisor.run()


class _Stopping(Exception):
    """Somebody asked us to stop while we were starting."""


@contextmanager
def _unless_stopping(supervisor: Supervisor) -> Iterator[None]:
    try:
        yield
    except _Stopping:
        supervisor.say("stopped while starting")


def _start_services(supervisor: Supervisor, owned: Owned) -> None:
    for service in owned.services:
        supervisor.start(service.program)
    if not supervisor.wait_for(lambda: all(service.ready() for service in owned.services), _READY_SECONDS):
        _stop_or_refuse(supervisor, "The embedded services do not start.", "The reason stands in the lines above.")


def _migrate(supervisor: Supervisor, program: Program) -> None:
    supervisor.start(program, once=True)
    supervisor.wait_for(lambda: supervisor.result("migrate") is not None, _MIGRATED_SECONDS)
    if supervisor.result("migrate") != 0:
        _stop_or_refuse(supervisor, "The database could not be brought to the newest tables.", "The reason stands above.")


def _furnish(supervisor: Supervisor, programs: Mapping[str, Program], chosen: Settings) -> None:
    supervisor.start(programs["demo"], once=True)
    if not supervisor.wait_for(lambda: supervisor.result("demo") == 0, _FURNISHED_SECONDS):
        _stop_or_refuse(supervisor, "The sandbox shops could not be linked.", "The reason stands above.")
    # From its next start on it lets orders arrive by itself; the demo has told the one that runs.
    supervisor.start(_sandbox(chosen, programs["sandbox"].environment, chosen.sandbox_orders_per_minute))


def _wait_for_answer(supervisor: Supervisor, name: str, host: str, port: int, path: str) -> None:
    if not supervisor.wait_for(lambda: _answers(host, port, path), _READY_SECONDS):
        _stop_or_refuse(supervisor, f"{name} does not answer on port {port}.", "The reason stands in the lines above.")


def _stop_or_refuse(supervisor: Supervisor, message: str, remedy: str) -> None:
    if supervisor.stopping:
        raise _Stopping
    raise ConnectorError(message, remedy)


# ---------------------------------------------------------------------------------------------------------------------


def _chosen(sandbox: bool, orders_per_minute: float | None, port: int | None) -> Settings:
    given: dict[str, Any] = {"port": port, "sandbox_orders_per_minute": orders_per_minute}
    if sandbox:
        given["allow_private_shops"] = True
        given |= _as_sandbox_app(settings.load({name: value for name, value in given.items() if value is not None}))
    return settings.load({name: value for name, value in given.items() if value is not None})


def _as_sandbox_app(chosen: Settings) -> dict[str, Any]:
    """What the connector is registered as with the sandbox shops, where no other registration is set."""
    at = _sandbox_url(chosen)
    registered = {
        "shopify_client_id": registration.SHOPIFY_CLIENT_ID,
        "shopify_client_secret": CREDENTIALS["shopify"]["app_secret"],
        "shopify_address": f"{at}/shopify",
        "bigcommerce_client_id": registration.BIGCOMMERCE_CLIENT_ID,
        "bigcommerce_client_secret": CREDENTIALS["bigcommerce"]["client_secret"],
        "bigcommerce_address": f"{at}/bigcommerce",
    }
    return {} if chosen.shopify_client_id or chosen.bigcommerce_client_id else registered


def _names(owned: Owned) -> list[str]:
    return [service.program.name for service in owned.services]


def _programs(chosen: Settings, owned: Owned, sandbox: bool) -> dict[str, Program]:
    """Every program of ours by name, in the order of their start."""
    environment = {
        **chosen.environment(),
        "DATABASE_URL": owned.addresses.database_url,
        "REDIS_URL": owned.addresses.redis_url,
        "PYTHONUNBUFFERED": "1",
    }
    programs = {
        "migrate": _python("migrate", environment, "jobs.cli", "migrate"),
        "web": _python(
            "web", {**environment, "PROMETHEUS_MULTIPROC_DIR": str(_fresh(chosen.data_dir / "metrics"))}, "config.web"
        ),
        **{name: _python(name, environment, "jobs.worker") for name in _worker_names(chosen.workers)},
        "clock": _python("clock", environment, "jobs.clock"),
    }
    if sandbox:
        programs["sandbox"] = _sandbox(chosen, environment, 0)  # orders arrive once the shops are linked
        programs["demo"] = _python("demo", environment, "jobs.demo", _sandbox_url(chosen))
    return programs


def _worker_names(count: int) -> list[str]:
    return ["worker"] if count == 1 else [f"worker-{number}" for number in range(1, count + 1)]


def _sandbox(chosen: Settings, environment: Mapping[str, str], rate: float) -> Program:
    place = ("--host", _SANDBOX_HOST, "--port", str(chosen.sandbox_port), "--dir", str(chosen.data_dir / "sandbox"))
    return _python("sandbox", environment, "sandbox", *place, "--rate", str(rate))


def _python(name: str, environment: Mapping[str, str], module: str, *arguments: str) -> Program:
    command = (sys.executable, "-m", module, *arguments)
    return Program(name, command, environment, grace_seconds=_GRACE_SECONDS)


def _fresh(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


# ---------------------------------------------------------------------------------------------------------------------


def _check_ports(chosen: Settings, sandbox: bool) -> None:
    _check_port(chosen.host, chosen.port, f"Choose another: `connector up --port {chosen.port + 1}`, or set PORT.")
    if sandbox:
        _check_port(_SANDBOX_HOST, chosen.sandbox_port, f"Choose another: SANDBOX_PORT={chosen.sandbox_port + 1} connector up …")


def _check_port(host: str, port: int, remedy: str) -> None:
    """Refuse a port we could not listen on, before anything is started."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
        except OSError as error:
            why = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise ConnectorError(f"Port {port} on {host} {why}.", remedy) from None


def _reached_at(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- where it listens, from the settings


def _answers(host: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _sandbox_url(chosen: Settings) -> str:
    return f"http://{_SANDBOX_HOST}:{chosen.sandbox_port}"


def _welcome(chosen: Settings, sandbox: bool) -> str:
    lines = ["", f"Orders page     {chosen.public_url}/"]
    if sandbox:
        lines += [f"Sandbox shops   {_sandbox_url(chosen)}/   (place an order, see what each platform shows)"]
        lines += [f"                {_sandbox_url(chosen)}/shops/{name}" for name in ("shopify", "woocommerce", "bigcommerce")]
        lines += [f"                {chosen.sandbox_orders_per_minute:g} orders a minute arrive by themselves"]
    return "\n".join([*lines, "Stop            Ctrl-C", ""])
