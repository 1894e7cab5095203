"""Endpoints and messages by command, and a worker's turn at an endpoint over real HTTP."""

from __future__ import annotations

import threading
from typing import Any

from connector.flow.due import due
from connector.flow.wake import Wake
from jobs import queue, tasks
from jobs.environment import Environment, now
from jobs.tasks import Workplace
from tests.jobs.commanding import Run, as_json, only_order, ordered, run, stocked
from tests.serving import Receiver, serve

__all__ = ["ordered", "run", "stocked"]


def _turn(environment: Environment, endpoint: int) -> None:
    waker = queue.Waker(environment.redis)
    tasks.turn(Workplace(environment, waker, threading.Event()), "events", endpoint)
    waker.close()


def test_an_endpoint_by_command_and_its_messages_by_a_worker(run: Run, environment: Environment, ordered: dict[str, Any]) -> None:
    receiver = Receiver()
    with serve(receiver) as base:
        refused = run("endpoints", "add", "https://10.1.1.1/x", env={"ALLOW_PRIVATE_SHOPS": "false"})
        assert refused.exit_code == 1
        assert "not a public address" in refused.output
        allowed = {"ALLOW_PRIVATE_SHOPS": "true"}
        made = as_json(run("endpoints", "add", base + "/hooks", "--type", "order.state_changed", "--json", env=allowed))
        assert made["secret"].startswith("whsec_")
        part = only_order(run)["fulfillment_orders"][0]["id"]
        assert run("fulfill", part, "pack").exit_code == 0
        assert Wake("events", made["id"]) in due(environment.engine, now())
        _turn(environment, made["id"])
        assert [received.path for received in receiver.received] == ["/hooks"]
        [message] = as_json(run("events", "list", "--json"))
        assert (message["state"], message["type"]) == ("delivered", "order.state_changed")
        assert as_json(run("events", "show", message["id"], "--json"))["attempts"][0]["status"] == 200
        assert as_json(run("events", "replay", "--endpoint", made["id"], "--dry-run", "--json")) == {"would_replay": 1}
        assert as_json(run("events", "replay", message["id"], "--json")) == {"replayed": 1}
        _turn(environment, made["id"])
        assert len({received.headers["webhook-id"] for received in receiver.received}) == 1
        assert len(receiver.received) == 2
    assert as_json(run("endpoints", "rotate", made["id"], "--json"))["secret"] != made["secret"]
    assert as_json(run("endpoints", "pause", made["id"], "--json"))["state"] == "paused"
    assert run("endpoints", "test", made["id"]).exit_code == 1
    assert "endpoints resume" in run("doctor", "--offline").output
    assert as_json(run("endpoints", "resume", made["id"], "--json"))["state"] == "active"
    assert as_json(run("endpoints", "change", made["id"], "--type", "stock.changed", "--json"))["types"] == ["stock.changed"]
    assert run("endpoints", "remove", made["id"]).exit_code == 0
    assert as_json(run("endpoints", "list", "--json")) == []
    assert run("events", "replay").exit_code == 2
