"""Serve pages, API and collector, with a worker beside them, until told to stop."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import fields
from threading import Event, Thread
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from rapport.errors import Conflict, InvalidSettings
from rapport.settings import PREFIX, Secret, Settings
from rapport.workflows.company import open_company
from rapport.workflows.users import has_users
from rapport.workflows.work import run_worker


def serve_company(settings: Settings, *, announce: Callable[[str], Any]) -> None:
    """Serve on the settings' address; returns after Ctrl-C or SIGTERM with all work put down.

    Raises
    ------
    Conflict
        If something else listens at the address.
    InvalidSettings
        If nobody could sign in.
    """
    _require_free(settings.host, settings.port)
    with open_company(settings) as company:
        if not has_users(company):
            raise InvalidSettings(
                "Nobody can sign in yet: make an account with `rapport user add EMAIL --role admin`"
            )
    _hand_down(settings)
    # A process that has opened the lake, as `rapport demo --serve` has, cannot be forked: the
    # lake's own threads stay behind, and every question in the child would fail. Granian follows
    # what is set here.
    multiprocessing.set_start_method("spawn", force=True)
    worker = multiprocessing.Process(target=run_worker, args=(settings,), name="rapport-worker")
    worker.start()
    server = Granian(
        "rapport.asgi:create_app",
        factory=True,
        interface=Interfaces.ASGI,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        websockets=False,
        log_level=LogLevels.warning,
        workers_kill_timeout=10,  # one that is still starting when Ctrl-C comes
    )
    stopped = Event()
    Thread(
        target=_announce_when_up, args=(settings, announce, stopped), name="announce", daemon=True
    ).start()
    try:
        server.serve()
    finally:
        stopped.set()
        # The terminal sends Ctrl-C to the worker too; a plain kill of this process does not.
        if worker.is_alive() and worker.pid:
            os.kill(worker.pid, signal.SIGTERM)
        worker.join(timeout=30)
        if worker.is_alive():
            worker.kill()
        announce("Rapport has stopped; everything that was accepted is kept")


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            raise Conflict(
                f"Port {port} on {host} is taken; choose another with --port or RAPPORT_PORT"
            ) from problem


def _announce_when_up(settings: Settings, announce: Callable[[str], Any], stopped: Event) -> None:
    """Say the address once it answers: before that a browser would find nothing."""
    while not stopped.wait(0.1):
        try:
            socket.create_connection((settings.host, settings.port), timeout=1).close()
        except OSError:
            continue
        announce(f"Rapport serves on http://{settings.host}:{settings.port} (Ctrl-C ends it)")
        return


def _hand_down(settings: Settings) -> None:
    """Put the settings where the server's own processes read them."""
    for setting in fields(settings):
        value = getattr(settings, setting.name)
        shown = value.reveal() if isinstance(value, Secret) else value
        text = str(shown).lower() if isinstance(shown, bool) else str(shown)
        os.environ[f"{PREFIX}{setting.name.upper()}"] = text
