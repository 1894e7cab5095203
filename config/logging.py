"""Logs go to standard output, one line an event; nothing personal: events carry ids, never names, bodies or secrets."""

from __future__ import annotations

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.settings import Settings

# Whatever somebody passes by mistake under one of these names does not leave the process.
_NEVER = frozenset({"body", "credentials", "token", "secret", "password", "email", "phone", "address", "customer", "headers"})


# What would begin a new line, or steer the terminal of whoever reads: nobody outside may write records of ours.
_UNSEEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_OUR_OWN_LINES = frozenset({"exception", "stack"})


def configure(settings: Settings) -> None:
    """Set up structlog, and bring what libraries say through the standard library into the same form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_private,
        _on_one_line,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(settings.log_json)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in ("rq.worker", "rq.job", "urllib3", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _rendering(as_json: bool) -> list[Processor]:
    clean = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if as_json:
        return [clean, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    plain_trace = structlog.dev.plain_traceback
    return [clean, structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=plain_trace)]


def _without_private(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    for name in _NEVER & event.keys():
        event[name] = "…"
    return event


def _on_one_line(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if isinstance(value, str) and name not in _OUR_OWN_LINES and _UNSEEN.search(value):
            event[name] = _UNSEEN.sub(lambda found: repr(found[0])[1:-1], value)
    return event
