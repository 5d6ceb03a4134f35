"""Sources: keys are shown once, look-ups remembered briefly, counts and freshness kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event, select

from rapport.collect.sources import (
    WriteKeys,
    count_accepted,
    count_refused,
    create_source,
    create_write_key,
    ensure_source,
    find_source,
    freshness,
    list_sources,
    set_enabled,
    source_days,
)
from rapport.engines.ledger import Ledger
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.vocabulary import ledger_tables as t

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


def test_a_source_has_one_name_and_is_found_by_it(ledger: Ledger) -> None:
    made = create_source(ledger, NOW, name=" web ", label="", kind="collector")
    assert (made.name, made.label, made.has_write_key) == ("web", "web", False)
    assert find_source(ledger, "web") == made
    with pytest.raises(Conflict, match="web"):
        create_source(ledger, NOW, name="web", label="", kind="collector")
    with pytest.raises(InvalidInput):
        create_source(ledger, NOW, name="  ", label="", kind="collector")
    with pytest.raises(NotFound, match="known: web"):
        find_source(ledger, "shop")
    other = create_source(ledger, NOW, name="app", label="App", kind="collector")
    assert other.source_id != made.source_id
    assert [source.name for source in list_sources(ledger)] == ["app", "web"]


def test_ensuring_a_source_makes_it_once_and_keeps_its_newest_mapping(ledger: Ledger) -> None:
    first = ensure_source(ledger, NOW, name="till", label="Till", kind="orders", mapping={"a": 1})
    again = ensure_source(ledger, NOW, name="till", label="Till", kind="orders", mapping={"a": 2})
    assert (again.source_id, again.mapping) == (first.source_id, {"a": 2})
    assert len(list_sources(ledger)) == 1


def test_a_write_key_is_stored_as_its_digest_only_and_a_new_one_replaces_it(
    ledger: Ledger,
) -> None:
    create_source(ledger, NOW, name="web", label="", kind="collector")
    first = create_write_key(ledger, "web")
    with ledger.read() as connection:
        row = connection.execute(select(t.source)).one()
    assert first not in repr(tuple(row))
    assert WriteKeys(ledger).source_of(first) is not None
    second = create_write_key(ledger, "web")
    assert len(second) >= 32
    keys = WriteKeys(ledger)
    assert keys.source_of(first) is None
    opened = keys.source_of(second)
    assert opened is not None
    assert (opened.name, opened.has_write_key) == ("web", True)


def test_look_ups_of_keys_are_remembered_and_forgotten(ledger: Ledger) -> None:
    create_source(ledger, NOW, name="web", label="", kind="collector")
    key = create_write_key(ledger, "web")
    at = [0.0]
    keys = WriteKeys(ledger, keep_seconds=10, monotonic=lambda: at[0])
    queries: list[str] = []
    event.listen(
        ledger.engine, "before_cursor_execute", lambda *args: queries.append(args[2]), named=False
    )
    for _ in range(5):
        assert keys.source_of(key) is not None
        assert keys.source_of("guess") is None
    assert sum("FROM source" in q for q in queries) == 2
    set_enabled(ledger, "web", False)
    assert keys.source_of(key) is not None  # still remembered
    at[0] = 10.5
    assert keys.source_of(key) is None
    set_enabled(ledger, "web", True)
    at[0] = 12.0
    assert keys.source_of(key) is not None


def test_counts_per_day_add_up_and_show_how_fresh_a_source_is(ledger: Ledger) -> None:
    web = create_source(
        ledger, NOW, name="web", label="", kind="collector", expected_every_hours=1
    ).source_id
    till = create_source(ledger, NOW, name="till", label="", kind="orders").source_id
    create_source(ledger, NOW, name="new", label="", kind="orders")
    yesterday = NOW - timedelta(days=1)
    with ledger.write() as connection:
        count_accepted(ledger, connection, [(web, yesterday), (web, NOW), (till, yesterday)])
        count_accepted(ledger, connection, [(web, NOW - timedelta(minutes=5))])
        count_refused(ledger, connection, [(till, NOW)])
    days = [
        (d.source_id, d.day, d.accepted, d.refused) for d in source_days(ledger, date(2026, 1, 1))
    ]
    assert days == [
        (web, yesterday.date(), 1, 0),
        (till, yesterday.date(), 1, 0),
        (web, NOW.date(), 2, 0),
        (till, NOW.date(), 0, 1),
    ]
    assert [d.day for d in source_days(ledger, NOW.date(), "web")] == [NOW.date()]

    def states(now: datetime) -> dict[str, str]:
        return {f.source: f.state for f in freshness(ledger, now)}

    assert states(NOW) == {"web": "fresh", "till": "fresh", "new": "empty"}
    later = NOW + timedelta(hours=2)
    assert states(later) == {"web": "late", "till": "fresh", "new": "empty"}
    assert states(NOW + timedelta(days=8))["till"] == "quiet"
    newest = freshness(ledger, later)[0]
    assert (newest.source, newest.last_received_at, newest.age_hours) == ("web", NOW, 2.0)
