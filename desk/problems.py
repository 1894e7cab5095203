"""What a person sees when something is not there or does not work: what it is, and what to do."""

from __future__ import annotations

from flask import current_app, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.sansio.response import Response as HttpResponse
from werkzeug.wrappers import Response

from connector.domain import errors
from connector.domain.staff import Role
from desk import show
from desk.api import blueprint
from desk.blueprint import pages
from desk.language import gettext

_MACHINES = ("/webhooks", "/api", "/healthz", "/readyz", "/metrics", "/static")


def not_found(error: NotFound) -> tuple[str, int] | HttpResponse:
    """An address that leads nowhere; machines get the plain answer."""
    if request.path.startswith("/api/v1/"):
        return blueprint.unknown(error)
    if request.path.startswith(_MACHINES) or not request.accept_mimetypes.accept_html:
        return error.get_response()
    return _page(gettext("There is nothing here"), gettext("The order or page does not exist, or no longer."), 404)


def not_that_way(error: MethodNotAllowed) -> HttpResponse:
    """An address that is there, asked in another way; the API answers in its own form."""
    return blueprint.unknown(error) if request.path.startswith("/api/v1/") else error.get_response()


def not_allowed(role: Role, least: Role) -> tuple[str, int]:
    """The role does not go so far."""
    text = gettext(
        "You are here as “%(role)s”, and this needs “%(least)s”. Ask an owner.",
        role=show.role(role)[0],
        least=show.role(least)[0],
    )
    return _page(gettext("This is not yours to do"), text, 403)


def no_staff() -> tuple[str, int]:
    """Nobody has been added yet, and the request comes from elsewhere."""
    text = gettext("Nobody may sign in yet. On the machine itself, run: connector staff add NAME --role owner")
    return _page(gettext("This desk has no staff yet"), text, 403)


@pages.errorhandler(errors.NotFound)
def _gone(_error: Exception) -> tuple[str, int]:
    return _page(gettext("There is nothing here"), gettext("The order or page does not exist, or no longer."), 404)


@pages.errorhandler(CSRFError)
def _foreign_form(_error: CSRFError) -> tuple[str, int]:
    """A form without our token: of another site, or of a session that has ended."""
    return _page(
        gettext("This form is no longer valid"),
        gettext("Nothing was done. Open the order again and repeat it there."),
        400,
    )


@pages.errorhandler(OperationalError)
@pages.errorhandler(InterfaceError)
@pages.errorhandler(NoConnection)
def _no_database(error: Exception) -> Response:
    current_app.logger.error("The desk has no database: %s", type(error).__name__)
    text = gettext("The orders cannot be read at the moment. Nothing is lost: try again in a few seconds.")
    response = current_app.make_response(_page(gettext("One moment, please"), text, 503))
    response.headers["Retry-After"] = "5"
    return response


def _page(title: str, text: str, status: int) -> tuple[str, int]:
    return render_template("desk/problem.html", title=title, text=text, status=status), status
