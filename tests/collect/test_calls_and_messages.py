"""Calls told by their beginning, and messages that a tool numbers event by event."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rapport.collect.mapped_files import read_touchpoints
from rapport.collect.mapping import mapping_from
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import Touchpoint

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CALL = {"call_id": "id", "started_at": "start", "duration_seconds": "seconds"}
EVENT = {"message_id": "message", "occurred_at": "at", "event": "event", "email": "to"}


def _read(
    folder: Path, kind: str, columns: dict[str, str], *records: dict[str, Any]
) -> tuple[list[Touchpoint], list[str]]:
    written = {"source": "tool", "kind": kind, "file": {"format": "jsonl"}, "columns": columns}
    path = folder / "records.jsonl"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, records)))
    touches: list[Touchpoint] = []
    reasons: list[str] = []
    for batch in read_touchpoints(path, mapping_from(written, "the test"), NOW):
        touches += batch.touchpoints
        reasons += [each.reason for each in batch.refused]
    return touches, reasons


def test_a_call_told_by_its_start_ended_its_duration_later(tmp_path: Path) -> None:
    call = {"id": 1, "start": "2026-11-01T23:59:00Z", "seconds": 90}
    (touch,), refused = _read(tmp_path, "calls", CALL, call)
    assert touch.occurred_at == datetime(2026, 11, 2, 0, 0, 30, tzinfo=UTC)
    assert touch.properties["duration_seconds"] == 90
    assert refused == []


def test_a_stated_end_of_a_call_comes_before_its_duration(tmp_path: Path) -> None:
    call = {"id": 1, "start": "2026-11-01T10:00:00Z", "end": "2026-11-01T10:07:00Z", "seconds": 60}
    (touch,), _ = _read(tmp_path, "calls", {**CALL, "ended_at": "end"}, call)
    assert touch.occurred_at == datetime(2026, 11, 1, 10, 7, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [None, -1, 10**9])
def test_a_call_whose_end_cannot_be_known_is_refused(seconds: int | None, tmp_path: Path) -> None:
    call = {"id": 1, "start": "2026-11-01T10:00:00Z", "seconds": seconds}
    assert _read(tmp_path, "calls", CALL, call) == ([], ["missing_field"])


def test_calls_need_a_beginning_or_an_end() -> None:
    with pytest.raises(InvalidMapping, match="ended_at"):
        mapping_from({"source": "tool", "kind": "calls", "columns": {"call_id": "id"}}, "the test")


def test_a_message_opened_twice_is_two_touchpoints_where_events_have_numbers(
    tmp_path: Path,
) -> None:
    opened = {"message": "m1", "event": "opened", "to": "ilse@example.be"}
    first = {**opened, "number": "e1", "at": "2026-11-01T10:00:00Z"}
    second = {**opened, "number": "e2", "at": "2026-11-01T11:00:00Z"}
    touches, refused = _read(tmp_path, "messages", {**EVENT, "event_id": "number"}, first, second)
    assert [touch.message for touch in touches] == ["m1", "m1"]
    assert len({touch.touchpoint_id for touch in touches}) == 2
    assert refused == []
    touches, refused = _read(tmp_path, "messages", EVENT, first, second)
    assert (len(touches), refused) == (1, ["duplicate_key"])
