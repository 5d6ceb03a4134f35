"""Sources that are fetched: each visit brings what is new, once, whatever happens in between."""

from __future__ import annotations

import sqlite3
import stat
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from rapport.collect.refused import refused_rows
from rapport.collect.touchpoints import touchpoint_of
from rapport.errors import Conflict, InvalidInput, InvalidMapping, InvalidSettings, NotFound
from rapport.vocabulary.ledger_tables import job, journal
from rapport.vocabulary.touchpoint import Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.pull import (
    connect_source,
    disconnect_source,
    due_pulls,
    pull_source,
    pull_states,
)
from tests.collect.manifests.service import Answered, recorded_service
from tests.company import empty_company

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def company(tmp_path: Path, clock: Clock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def _touchpoints(company: Company) -> list[Touchpoint]:
    with company.ledger.read() as connection:
        rows = connection.execute(select(journal).order_by(journal.c.position)).all()
    return [touchpoint_of(r.kind, bytes(r.payload), "", r.received_at) for r in rows]


def _crm(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    database.execute(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, mail TEXT, nev TEXT, changed TIMESTAMP)"
    )
    return database


def _crm_plan(path: Path, **more: Any) -> dict[str, Any]:
    return {
        "source": "crm",
        "kind": "contacts",
        "columns": {"record_id": "id", "email": "mail", "name": "nev", "updated_at": "changed"},
        "file": {"time_zone": "Europe/Budapest"},
        "pull": {
            "from": "sql", "url": f"sqlite:///{path}", "table": "people", "cursor": "changed",
        },
        **more,
    }  # fmt: skip


@pytest.mark.slow
def test_a_database_gives_what_is_new_at_each_visit(company: Company, tmp_path: Path) -> None:
    database = _crm(tmp_path / "crm.db")
    with database:
        database.executemany(
            "INSERT INTO people VALUES (?, ?, ?, ?)",
            [
                (1, "bela@example.hu", "Kovács Béla", "2026-10-01 10:00:00"),
                (2, "ilse@example.be", "Ilse Maes", "2026-10-02 10:00:00"),
                (3, None, "Őry Ödön", "2026-10-03 10:00:00"),
            ],
        )
    connect_source(
        company, _crm_plan(tmp_path / "crm.db"), "crm.toml", actor="test", on_server=True
    )
    first = pull_source(company, "crm")
    assert (first.records, first.accepted, first.refused) == (3, 3, 0)
    assert first.columns == ("id", "mail", "nev", "changed")
    seen = _touchpoints(company)
    assert [touch.traits["name"] for touch in seen] == ["Kovács Béla", "Ilse Maes", "Őry Ödön"]
    assert seen[0].occurred_at == datetime(2026, 10, 1, 8, tzinfo=UTC)

    with database:
        database.execute("ALTER TABLE people ADD COLUMN tier TEXT")
        database.execute(
            "UPDATE people SET mail = 'odon@example.hu', changed = '2026-11-05 09:00:00' "
            "WHERE id = 3"
        )
    second = pull_source(company, "crm")
    assert (second.records, second.accepted) == (1, 1)
    assert second.drift.appeared == ("tier",)
    assert len(_touchpoints(company)) == 4

    third = pull_source(company, "crm")
    assert (third.accepted, third.drift.appeared) == (0, ())
    assert len(_touchpoints(company)) == 4
    (state,) = pull_states(company)
    assert (state.state, state.failures, state.error) == ("done", 0, None)


@pytest.mark.slow
def test_a_stopped_visit_loses_nothing(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library has its cursor further already when the import is stopped."""
    with _crm(tmp_path / "crm.db") as database:
        database.execute("INSERT INTO people VALUES (1, 'a@b.eu', 'Ann', '2026-10-01 10:00:00')")
    connect_source(
        company, _crm_plan(tmp_path / "crm.db"), "crm.toml", actor="test", on_server=True
    )

    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("rapport.workflows.pull.import_file", stopped)
        with pytest.raises(KeyboardInterrupt):
            pull_source(company, "crm")
    assert _touchpoints(company) == []
    assert pull_states(company)[0].state == "failed"
    assert pull_source(company, "crm").accepted == 1


@pytest.mark.slow
def test_files_are_read_once_and_again_when_they_change(company: Company, tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    header = "order_id,date,amount,currency,email\n"
    (exports / "till-1.csv").write_text(header + "1,2026-10-01 10:00,10.00,EUR,a@example.org\n")
    (exports / "notes.md").write_text("not for us")
    plan = {
        "source": "till", "kind": "orders",
        "columns": {
            "order_id": "order_id", "occurred_at": "date", "amount": "amount",
            "currency": "currency", "email": "email",
        },
        "pull": {"from": "files", "url": exports.as_uri(), "pattern": "*.csv"},
    }  # fmt: skip
    connect_source(company, plan, "till.toml", actor="test", on_server=True)
    assert pull_source(company, "till").accepted == 1
    assert pull_source(company, "till").files == 0
    (exports / "till-2.csv").write_text(header + "2,2026-10-02 10:00,20.00,EUR,\nx,y\n")
    second = pull_source(company, "till")
    assert (second.files, second.accepted, second.refused) == (1, 1, 1)
    (refused,) = refused_rows(company.ledger, source="till")
    assert refused.locator == "till-2.csv:3"


@pytest.mark.slow
def test_a_service_is_asked_as_its_manifest_says(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = {
        "id": 1, "number": "1", "status": "completed", "currency": "EUR", "total": "5.00",
        "date_created_gmt": "2026-10-01T10:00:00", "date_modified_gmt": "2026-10-01T10:00:00",
        "customer_id": 7, "billing": {"email": "ann@example.org"}, "line_items": [],
    }  # fmt: skip
    path = "/wp-json/wc/v3/orders"
    later = {**order, "id": 2, "number": "2", "date_modified_gmt": "2026-10-05T10:00:00"}
    exchanges = [
        Answered(path=path, query={"page": "1"}, answer=[order]),
        Answered(path=path, query={"page": "2"}, answer=[]),
        Answered(path=path, query={"modified_after": "2026-10-01T10:00:00"}, answer=[order, later]),
        Answered(path=path, query={"page": "2"}, answer=[]),
        Answered(path=path, status=401, answer={"message": "ann@example.org may not"}),
    ]
    monkeypatch.setenv("WOO_KEY", "ck_1")
    monkeypatch.setenv("WOO_SECRET", "cs_1")
    with recorded_service(exchanges) as service:
        settings = {
            "shop_url": service.base, "consumer_key": "env:WOO_KEY",
            "consumer_secret": "env:WOO_SECRET",
        }  # fmt: skip
        pull = {"from": "rest", "manifest": "woocommerce", "stream": "orders", "settings": settings}
        name = connect_source(company, {"pull": pull}, "shop.toml", actor="test", on_server=True)
        assert name == "woocommerce_orders"
        assert pull_source(company, name).accepted == 1
        assert pull_source(company, name).accepted == 1
        with pytest.raises(InvalidInput, match="401: check the token") as refused:
            pull_source(company, name)
        assert "ann@" not in str(refused.value)
        assert service.wrong == []
    (state,) = pull_states(company)
    assert (state.state, state.failures, state.next_at) == ("failed", 1, None)
    assert len(_touchpoints(company)) == 2


TAP = """
    import json, sys
    options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    if "--discover" in sys.argv:
        print(json.dumps({"streams": [
            {"tap_stream_id": "clients", "stream": "clients", "schema": {}},
            {"tap_stream_id": "other", "stream": "other", "schema": {}},
        ]}))
        sys.exit()
    config = json.load(open(options["--config"]))
    catalog = json.load(open(options["--catalog"]))
    assert [s["tap_stream_id"] for s in catalog["streams"] if s["selected"]] == ["clients"]
    assert config["api_key"] == "s3cret"
    begin = json.load(open(options["--state"]))["at"] if "--state" in options else 0
    print(json.dumps({"type": "SCHEMA", "stream": "clients", "schema": {}}))
    for number in range(begin, begin + 2):
        record = {"id": number, "email": f"client{number}@example.org"}
        print(json.dumps({"type": "RECORD", "stream": "clients", "record": record}))
    print(json.dumps({"type": "RECORD", "stream": "other", "record": {"id": 99}}))
    print(json.dumps({"type": "STATE", "value": {"at": begin + 2}}))
    if begin >= 4:
        print("client4@example.org broke it", file=sys.stderr)
        sys.exit(3)
"""


@pytest.mark.slow
def test_a_tap_goes_on_where_it_stopped(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap = tmp_path / "tap-clients"
    tap.write_text(f"#!{sys.executable}\n{textwrap.dedent(TAP)}")
    tap.chmod(tap.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("TAP_KEY", "s3cret")
    plan = {
        "source": "clients", "kind": "contacts",
        "columns": {"record_id": "id", "email": "email"},
        "pull": {
            "from": "singer", "command": [str(tap)], "stream": "clients",
            "config": {"api_key": "env:TAP_KEY"},
        },
    }  # fmt: skip
    connect_source(company, plan, "clients.toml", actor="test", on_server=True)
    assert pull_source(company, "clients").accepted == 2
    assert pull_source(company, "clients").accepted == 2
    with pytest.raises(InvalidInput, match="exit code 3"):
        pull_source(company, "clients")
    values = [touch.record.value for touch in _touchpoints(company) if touch.record]
    assert values == ["0", "1", "2", "3"]
    left = [p.name for p in (tmp_path / "data" / "pulls" / "clients").rglob("*") if p.is_file()]
    assert "config.json" not in left


@pytest.mark.slow
def test_what_cannot_be_reached_is_said_and_tried_again_later(
    company: Company, tmp_path: Path, clock: Clock
) -> None:
    plan = _crm_plan(tmp_path / "absent" / "crm.db", every="1d")
    connect_source(company, plan, "crm.toml", actor="test", on_server=True)
    assert due_pulls(company) == ["crm"]
    for tried, minutes in ((1, 1), (2, 2), (3, 4)):
        with pytest.raises(InvalidInput, match="cannot be reached"):
            pull_source(company, "crm")
        (state,) = pull_states(company)
        assert (state.failures, state.next_at) == (tried, clock.now + timedelta(minutes=minutes))
        assert due_pulls(company) == []
        clock.now += timedelta(minutes=minutes)
        assert due_pulls(company) == ["crm"]


def test_one_source_is_visited_by_one_process(company: Company, tmp_path: Path) -> None:
    connect_source(
        company, _crm_plan(tmp_path / "crm.db"), "crm.toml", actor="test", on_server=True
    )
    with (
        company.ledger.alone("pull-crm"),
        pytest.raises(Conflict, match="being fetched already"),
    ):
        pull_source(company, "crm")


def test_a_missing_secret_is_named_before_anything_is_done(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRM_URL", raising=False)
    plan = _crm_plan(Path("x"))
    plan["pull"]["url"] = "env:CRM_URL"
    connect_source(company, plan, "crm.toml", actor="test", on_server=True)
    with pytest.raises(InvalidSettings, match="CRM_URL is not set"):
        pull_source(company, "crm")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "postgresql://crm:secret@db/crm"}, "holds a password"),
        ({"from": "ftp"}, "must be one of sql, files, rest, singer, imap"),
        ({"tabel": "people"}, "does not know tabel"),
        ({"table": None}, "Expected `str`"),
    ],
)
def test_a_plan_that_cannot_work_is_refused(
    company: Company, change: dict[str, Any], said: str
) -> None:
    plan = _crm_plan(Path("crm.db"))
    plan["pull"] |= change
    with pytest.raises(InvalidMapping, match=said) as refused:
        connect_source(company, plan, "crm.toml", actor="test", on_server=True)
    assert "secret@" not in str(refused.value)


def test_every_source_has_its_rhythm(company: Company, clock: Clock) -> None:
    with pytest.raises(InvalidInput, match="15m, 6h or 1d"):
        connect_source(
            company, _crm_plan(Path("x"), every="often"), "crm.toml", actor="test", on_server=True
        )
    connect_source(
        company, _crm_plan(Path("x"), every="6h"), "crm.toml", actor="test", on_server=True
    )
    (state,) = pull_states(company)
    assert (state.every_minutes, state.state) == (360, "never")


def test_a_source_that_is_fetched_no_more_keeps_what_it_brought(company: Company) -> None:
    connect_source(company, _crm_plan(Path("x")), "crm.toml", actor="test", on_server=True)
    disconnect_source(company, "crm", actor="test")
    assert pull_states(company) == []
    with pytest.raises(NotFound):
        pull_source(company, "crm")
    with company.ledger.read() as connection:
        assert connection.execute(select(job)).all() == []
