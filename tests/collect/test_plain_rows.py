"""Rows that are read by column say what `Row` says of them, one by one; of any file."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rapport.collect import tables
from rapport.collect.connector import Connector
from rapport.collect.connectors import connector_of
from rapport.collect.mapped_files import read_touchpoints
from rapport.collect.mapping import mapping_from
from rapport.collect.seen_keys import SeenKeys
from rapport.vocabulary.touchpoint import Touchpoint

pytestmark = pytest.mark.slow  # seconds: not before every commit

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIELDS = (
    *("order_id", "occurred_at", "sku", "item_name", "quantity", "unit_price", "line_amount"),
    *("currency", "country", "customer_id", "email", "name", "place", "channel", "note"),
)
TILL: dict[str, Any] = {
    "source": "till",
    "kind": "orders",
    "columns": {field: field for field in FIELDS},
    "constants": {"currency": "EUR"},
    "values": {"place": {"G": "Gent"}},
    "file": {"time_zone": "Europe/Brussels"},
}
_CELLS = {
    "order_id": st.sampled_from(["1", "2", " 2 ", "3", "", "Á 4"]),
    "occurred_at": st.sampled_from(["2026-10-01 10:00", "2026-10-02", "soon", "", "2031-01-01"]),
    "quantity": st.sampled_from(["", "1", "2", "-1", "two"]),
    "unit_price": st.sampled_from(["", "9.95", "0", "1e3", "-5", "999999999999"]),
    "line_amount": st.sampled_from(["", "9.95", "19.90", "-4", "€ 12.50", "x"]),
    "currency": st.sampled_from(["", "EUR", "huf", "XXQ"]),
    "country": st.sampled_from(["", "BE", "Belgium", "Atlantis"]),
    "customer_id": st.sampled_from(["", "C1", "17850.0", " C 1 "]),
    "email": st.sampled_from(["", "a@b.eu", "A@B.eu"]),
    "name": st.sampled_from(["", "Ilse  Maes", "Őry\u00a0Ödön"]),
    "place": st.sampled_from(["", "G", "Győr"]),
    "channel": st.sampled_from(["", "app", "Store", "fax"]),
}
_rows = st.lists(
    st.fixed_dictionaries(
        {field: _CELLS.get(field, st.sampled_from(["", "a", "a b"])) for field in FIELDS}
    ),
    min_size=1,
    max_size=12,
)


def _read(path: Path, written: dict[str, Any]) -> tuple[list[Touchpoint], list[tuple[str, str]]]:
    touchpoints: list[Touchpoint] = []
    refused: list[tuple[str, str]] = []
    for batch in read_touchpoints(path, mapping_from(written, "the test"), NOW):
        touchpoints += batch.touchpoints
        refused += [(record.reason, record.payload.decode()) for record in batch.refused]
    return touchpoints, refused


def _by_row(kind: str) -> Connector:
    return msgspec.structs.replace(connector_of(kind), read_plain=None)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=_rows, chunk=st.sampled_from([2, 3, 20_000]))
def test_both_ways_read_the_same(tmp_path: Path, rows: list[dict[str, str]], chunk: int) -> None:
    path = tmp_path / "till.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    with patch.object(tables, "CHUNK_ROWS", chunk):
        found, refused = _read(path, TILL)
        with patch("rapport.collect.rows.connector_of", _by_row):
            expected, also_refused = _read(path, TILL)
    assert found == expected
    assert refused == also_refused
    assert sorted(t.touchpoint_id for t in found) == sorted({t.touchpoint_id for t in found})


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=_rows, chunk=st.sampled_from([2, 3]))
def test_a_file_in_many_chunks_gives_the_same_as_in_one(
    tmp_path: Path, rows: list[dict[str, str]], chunk: int
) -> None:
    path = tmp_path / "till.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    whole, refused = _read(path, TILL)
    with patch.object(tables, "CHUNK_ROWS", chunk):
        parts, also_refused = _read(path, TILL)
    assert sorted(parts, key=msgspec.json.encode) == sorted(whole, key=msgspec.json.encode)
    assert sorted(refused) == sorted(also_refused)


_texts = st.text(alphabet='ab,"\n\r; \té\u00a0', max_size=12)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    table=st.lists(st.lists(_texts, min_size=3, max_size=3), min_size=1, max_size=6),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    slips=st.text(alphabet='"x,\n', max_size=3),
    at=st.integers(0, 60),
)
def test_lines_read_at_once_are_what_python_reads(
    table: list[list[str]], quoting: Any, slips: str, at: int
) -> None:
    """Where Arrow reads lines, with a slip of a quote anywhere, Python's reader reads the same."""
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator="\n").writerows(table)
    body = text.getvalue()
    body = body[:at] + slips + body[at:]
    lines = io.BytesIO(body.encode()).readlines()
    found = tables._plain_columns(lines, ("a", "b", "c"), ",", "utf-8")
    if found is not None:
        expected = list(csv.reader(io.StringIO(body, newline="")))
        assert list(zip(*(found[name] for name in "abc"), strict=True)) == [*map(tuple, expected)]


@pytest.mark.parametrize("many", [1, 7, 5000])
def test_a_key_is_known_for_what_it_stood_for(many: int) -> None:
    seen = SeenKeys()
    made = [
        Touchpoint(
            touchpoint_id=f"t{n}", source="s", channel="web", type="x", occurred_at=NOW,
            received_at=NOW, score=float(n),
        )
        for n in range(many)
    ]  # fmt: skip
    for begin in range(0, many, 3):
        assert seen.sift(made[begin : begin + 3]) == (made[begin : begin + 3], [])
    changed = msgspec.structs.replace(made[-1], score=-1.0)
    fresh, doubted = seen.sift([made[0], changed, made[-1]])
    assert fresh == [made[0], made[-1]]
    assert doubted == [1]
    other = msgspec.structs.replace(changed, touchpoint_id="new")
    twin = msgspec.structs.replace(other, score=-2.0)
    assert seen.sift([other, twin, other]) == ([other, other], [1])
