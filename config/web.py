"""`python -m config.web`: the web server, granian on the application factory.

granian starts a worker again that dies, and gives up when one dies twice within 5.5 s (2.8.7, server/common.py); then our
supervisor starts the whole. Its workers outlive a killed main process and would keep the port: hence the tether.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from functools import partial
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from config import settings, tether

_APPLICATION = "webhooks.app"  # by name: this room is below the doors
_FACTORY = "create_server"
_KILL_AFTER_SECONDS = 4
_BACKLOG = 1024


def serve() -> None:
    """Serve until SIGTERM or SIGINT; requests that have begun are finished, for 4 s at most."""
    chosen = settings.load()
    server = Server(
        _APPLICATION,
        address=chosen.host,
        port=chosen.port,
        interface=Interfaces.RSGI,
        workers=chosen.web_processes,
        backlog=_BACKLOG,
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=0.2,
        workers_kill_timeout=_KILL_AFTER_SECONDS,
        log_level=LogLevels.error,
    )
    server.serve(target_loader=partial(load, os.getpid()), wrap_loader=False)


def load(main_process: int) -> Any:
    """The application, within a worker process, which ends with the main process."""
    tether.die_with_parent(signal.SIGKILL)
    if os.getppid() != main_process:
        sys.exit("the web server's main process is gone already")
    application = getattr(importlib.import_module(_APPLICATION), _FACTORY)()
    gc.collect()
    gc.freeze()  # what is loaded by now stays: looking through it again took most of the time that a large body cost
    return application


if __name__ == "__main__":
    serve()
