"""`connector tasks …`: what a person must decide, because what has left is never silently undone."""

from __future__ import annotations

from typing import Any

import click

from connector.db import tasks as rows
from connector.db.tasks import TaskView
from connector.domain import tasks as rules
from connector.domain.errors import NotFound
from connector.flow import tasks as story
from jobs.commands.session import json_option, limit_option, plain, session, show_list, show_one, wake
from jobs.environment import now


@click.group()
def tasks() -> None:
    """What a person must decide about orders."""


@tasks.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what was decided, and what ended by itself.")
@click.option("--order", "order_id", type=int, default=None, help="Only those of this order.")
@limit_option
@json_option
def list_(everything: bool, order_id: int | None, limit: int, as_json: bool) -> None:
    """Tasks that wait, the oldest first."""
    with session() as env, env.engine.connect() as conn:
        found = rows.list_tasks(conn, state="" if everything else "open", order_id=order_id, limit=limit)
        columns = ("id", "order_id", "number", "shop", "question", "state", "decision", "actor", "opened_at")
        show_list([_shown(task) for task in found], columns, as_json=as_json, empty="Nothing waits for a decision.")


@tasks.command()
@click.argument("task_id", metavar="ID", type=int)
@json_option
def show(task_id: int, as_json: bool) -> None:
    """One task with the ways to decide it."""
    with session() as env, env.engine.connect() as conn:
        task = rows.view(conn, task_id)
        if task is None:
            raise NotFound(f"There is no task {task_id}.", "`connector tasks list --all` shows them.")
        show_one(_shown(task), as_json=as_json, words=_in_words)


@tasks.command()
@click.argument("task_id", metavar="ID", type=int)
@click.argument("choice")
@click.option("--at", "location", default="", help="The code of the location where the goods are now.")
@click.option("--note", default="", help="Why.")
@json_option
def decide(task_id: int, choice: str, location: str, note: str, as_json: bool) -> None:
    """Decide task ID by a CHOICE that `connector tasks show` names.

    \b
    Examples:
      connector tasks decide 3 came_back --at vieux-port --note "unopened"
      connector tasks decide 4 keep
    """
    with session() as env:
        done = story.decide(env.engine, task_id, choice, now(), actor="cli", location_code=location, note=note)
        wake(env, done.wakes)
        show_one({"id": done.task_id, "order": done.order_id, "decision": done.decision}, as_json=as_json)


def _shown(task: TaskView) -> dict[str, Any]:
    kind = rules.TASKS.get(task.code)
    choices = [{"choice": one.code, "words": one.words, "needs_location": one.place} for one in kind.choices] if kind else []
    return {**plain(task), "question": rules.in_words(task.code, task.facts), "choices": choices}


def _in_words(shown: dict[str, Any]) -> None:
    click.echo(f"order {shown['number']} ({shown['shop']}), since {shown['opened_at']}")
    click.echo(shown["question"])
    if shown["state"] != "open":
        click.echo(f"{shown['state']}: {shown['decision'] or 'its cause went away'} ({shown['actor']}) {shown['note']}".rstrip())
        return
    for choice in shown["choices"]:
        place = " --at LOCATION" if choice["needs_location"] else ""
        click.echo(f"  connector tasks decide {shown['id']} {choice['choice']}{place}\n      {choice['words']}")


COMMANDS = (tasks,)
