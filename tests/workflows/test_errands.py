"""The worker fetches what is due beside its rounds, and lets go when it is told to stop."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import select

from rapport.errors import NotFound
from rapport.vocabulary.ledger_tables import job
from rapport.workflows.company import Company
from rapport.workflows.errands import errand_thread, run_errands
from rapport.workflows.pull import (
    ask_for_visit,
    connect_source,
    due_pulls,
    past_visits,
    pull_states,
    reschedule,
)
from rapport.workflows.quality import latest_quality
from tests.company import empty_company

pytestmark = pytest.mark.slow  # seconds: not before every commit


class Clock:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def company(tmp_path: Path, clock: Clock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def _tap(folder: Path, body: str) -> list[str]:
    """A Singer tap that does what ``body`` says."""
    path = folder / "tap.py"
    head = """
        import json, os, sys, time
        def say(**message):
            print(json.dumps(message), flush=True)
        if "--discover" in sys.argv:
            print(json.dumps({"streams": [{"tap_stream_id": "people", "stream": "people",
                "schema": {"type": "object", "properties": {}}, "metadata": []}]}))
            sys.exit()
    """
    path.write_text(textwrap.dedent(head) + textwrap.dedent(body), "utf-8")
    return [sys.executable, str(path)]


def _connect(company: Company, command: list[str], **more: object) -> None:
    connect_source(
        company,
        {
            "source": "crm", "kind": "contacts", "every": "1h",
            "columns": {"record_id": "id", "email": "mail"},
            "pull": {"from": "singer", "command": command, "stream": "people"}, **more,
        },
        "crm.toml",
        actor="test",
        on_server=True,
    )  # fmt: skip


@pytest.mark.slow
def test_what_is_due_is_fetched_and_measured_and_not_again_before_its_time(
    company: Company, tmp_path: Path, clock: Clock
) -> None:
    tap = _tap(
        tmp_path,
        """
        say(type="SCHEMA", stream="people", schema={"properties": {}}, key_properties=["id"])
        say(type="RECORD", stream="people", record={"id": "1", "mail": "a@kadar.example"})
        """,
    )
    _connect(company, tap)
    assert due_pulls(company) == ["crm"]
    assert run_errands(company, Event()) == 2
    (state,) = pull_states(company)
    assert (state.state, state.last and state.last.accepted) == ("done", 1)
    assert latest_quality(company) is not None
    assert run_errands(company, Event()) == 0
    clock.now += timedelta(minutes=59)
    assert due_pulls(company) == []
    clock.now += timedelta(minutes=1)
    assert due_pulls(company) == ["crm"]


@pytest.mark.slow
def test_a_long_visit_is_killed_when_the_worker_stops(company: Company, tmp_path: Path) -> None:
    mark = tmp_path / "running"
    tap = _tap(tmp_path, f"open({str(mark)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n")
    _connect(company, tap)
    stop = Event()
    thread = errand_thread(company, stop)
    try:
        until = time.monotonic() + 30
        while not (mark.exists() and mark.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        visitor = int(mark.read_text())
    finally:
        stop.set()
        thread.join(timeout=10)
    assert not thread.is_alive()
    with pytest.raises(ProcessLookupError):
        for _ in range(100):  # the tap's own process is gone with the one that started it
            os.kill(visitor, 0)
            time.sleep(0.05)
    (state,) = pull_states(company)
    assert (state.state, state.error) == ("failed", "The visit was stopped")
    assert state.given_up is False
    with company.ledger.read() as connection:
        assert connection.scalars(select(job.c.status).where(job.c.kind == "pull")).all() == [
            "failed"
        ]


@pytest.mark.slow
def test_a_source_that_fails_keeps_no_errand_from_running(company: Company, tmp_path: Path) -> None:
    _connect(company, _tap(tmp_path, "sys.exit(3)\n"))
    assert run_errands(company, Event()) == 2
    (state,) = pull_states(company)
    assert state.state == "failed"
    assert latest_quality(company) is not None


def test_who_asks_for_a_visit_gets_one_before_its_time(company: Company, clock: Clock) -> None:
    _connect(company, ["/nowhere/tap"], every="1d")
    assert run_errands(company, Event()) == 2
    (state,) = pull_states(company)
    assert state.state == "failed"
    reschedule(company, "crm", None, actor="test")
    assert due_pulls(company) == []
    ask_for_visit(company, "crm", actor="test")
    ask_for_visit(company, "crm", actor="test")
    assert due_pulls(company) == ["crm"]
    run_errands(company, Event())
    assert due_pulls(company) == []
    assert len(past_visits(company, "crm")) == 2
    with pytest.raises(NotFound, match="shop"):
        ask_for_visit(company, "shop", actor="test")
