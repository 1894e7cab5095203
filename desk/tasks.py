"""The page of what a person must decide, and the decisions."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connector.db import stock_views, tasks
from connector.domain import tasks as rules
from connector.domain.errors import NotFound, Rejected
from connector.domain.text import storable
from connector.flow import tasks as story
from desk import show
from desk.blueprint import desk, pages
from desk.language import N_, gettext

_ACTOR = "desk"
_MOST_SHOWN = 200
_LONGEST_NOTE = 500
_DECIDED = N_("Order {number}: decided.")


@pages.get("/tasks")
def task_list() -> str:
    """What waits for a decision, the oldest first."""
    with desk().engine.connect() as conn:
        found = tasks.list_tasks(conn, limit=_MOST_SHOWN)
        places = stock_views.list_locations(conn)
    questions = [
        (task, question(task.code, task.facts), rules.TASKS[task.code].choices) for task in found if task.code in rules.TASKS
    ]
    return render_template("desk/tasks.html", questions=questions, places=places)


@pages.post("/tasks/<int:task_id>")
def decide(task_id: int) -> Response:
    """Decide a task by one of its choices."""
    with desk().engine.connect() as conn:
        task = (tasks.view(conn, task_id) if task_id < 2**63 else None) or abort(404)
    note = storable(request.form.get("note", "")).strip()[:_LONGEST_NOTE]
    chosen, place = request.form.get("choice", ""), request.form.get("place", "")
    try:
        done = story.decide(desk().engine, task_id, chosen, datetime.now(UTC), actor=_ACTOR, location_code=place, note=note)
        desk().ring(done.wakes)
        flash(show.fill(_DECIDED, number=task.number), "done")
    except (Rejected, NotFound) as error:
        flash(str(error), "refused")
    return redirect(url_for("desk.task_list"), 303)


def question(code: str, facts: dict[str, object]) -> str:
    """The question in the reader's language."""
    return show.fill(rules.TASKS[code].question, **rules.named(facts))


def choice_words(choice: rules.Choice) -> str:
    """A choice in the reader's language."""
    return gettext(choice.words)


pages.add_app_template_global(choice_words, "choice_words")
