"""Files that are small where they lie and endless to read are refused in little room."""

from __future__ import annotations

import gzip
import tracemalloc
import zipfile
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from rapport.collect.cut_records import KEPT, is_cut
from rapport.collect.guess import guess_mapping
from rapport.collect.json_records import Found, json_objects
from rapport.collect.mapped_files import read_again, read_touchpoints
from rapport.collect.mapping import Mapping, mapping_from
from rapport.collect.refused import RefusedRow
from rapport.collect.tables import LONGEST_LINE, BadRow, open_file
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import RefusedRecord, Touchpoint

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
HEADER = "id,at,mail,shop\n"
ROWS = [f"v{n},2026-10-01T10:00,anna@pelda.example,Gent\n" for n in range(1, 6)]
LONG = "v9,2026-10-01T10:00,anna@pelda.example," + "a" * (2 * LONGEST_LINE) + "\n"


def visits(**file: str) -> Mapping:
    columns = {"visit_id": "id", "occurred_at": "at", "email": "mail", "place": "shop"}
    return mapping_from(
        {"source": "till", "kind": "visits", "columns": columns, "file": file}, "test"
    )


def read(path: Path, mapping: Mapping) -> tuple[list[Touchpoint], list[RefusedRecord]]:
    batches = list(read_touchpoints(path, mapping, NOW))
    return [t for b in batches for t in b.touchpoints], [r for b in batches for r in b.refused]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("place", [0, 2, 5])
def test_a_row_that_is_too_long_is_refused_alone_wherever_it_stands(
    tmp_path: Path, place: int, encoding: str
) -> None:
    path = tmp_path / "visits.csv"
    path.write_bytes("".join([HEADER, *ROWS[:place], LONG, *ROWS[place:]]).encode(encoding))
    touchpoints, refused = read(path, visits(encoding=encoding))
    assert len(touchpoints) == 5
    assert [(r.reason, r.locator) for r in refused] == [("too_large", f"visits.csv:{place + 2}")]


def test_a_long_row_without_an_end_is_refused_and_not_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text("".join([HEADER, *ROWS, LONG.rstrip()]))
    touchpoints, refused = read(path, visits())
    assert (len(touchpoints), [r.reason for r in refused]) == (5, ["too_large"])
    assert len(refused[0].payload) < KEPT + 1000


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_of_rows_that_are_too_long_their_beginnings_are_kept_and_each_is_one(
    tmp_path: Path, format: str
) -> None:
    path = tmp_path / f"visits.{format}"
    long = LONG if format == "csv" else '{"id":"v9","shop":"' + "a" * 17_000_000 + '"}\n'
    other = long.replace("v9", "v8")
    ends_otherwise = long.replace("aaa\n", "aab\n").replace('aaa"}', 'aab"}')
    path.write_text((HEADER if format == "csv" else "") + long + other + ends_otherwise)
    _, refused = read(path, visits(format=format))
    assert len({r.payload for r in refused}) == 3
    assert [r.payload.count(b"v9") for r in refused] == [1, 0, 1]
    for record, line in zip(refused, (long, other, ends_otherwise), strict=True):
        assert sha256(line.rstrip("\n").encode()).hexdigest().encode() in record.payload
        assert is_cut(record.payload)


def test_the_beginning_of_a_row_is_never_read_as_the_row(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(HEADER + LONG.replace("a" * 100, "b,\u00e9" * 20))
    _, (record,) = read(path, visits())
    row = RefusedRow(
        refused_id=1, source="till", source_id=1, reason="too_large", detail="", locator=None,
        message_id=None, received_at=NOW, payload=record.payload, replayed_at=None,
    )  # fmt: skip
    assert read_again(row, msgspec.to_builtins(visits())) == ((), ())


def test_many_rows_that_are_too_long_are_refused_in_little_room(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    with path.open("w") as file:
        file.write(HEADER)
        for number in range(150):
            file.write(f"v{number}," + "a" * (LONGEST_LINE + 1000) + "\n")
    tracemalloc.start()
    try:
        count = sum(len(batch.refused) for batch in read_touchpoints(path, visits(), NOW))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 150
    assert most < 60_000_000


@pytest.mark.parametrize(
    ("first", "told", "kept_back"),
    [
        ("anna@pelda.example,Anna,2026-10-01", "3 columns without headings", "nna"),
        ("Anna,Kovács,Gent", "3 columns with other headings", "Anna"),
        ("Anna,Kovács,email,Gent", "email and 3 other columns", "Anna"),
        ("id,shop,mail,remark", "id, shop, mail, remark", "\0"),
    ],
)
def test_a_first_line_that_may_be_a_persons_is_not_repeated(
    tmp_path: Path, first: str, told: str, kept_back: str
) -> None:
    path = tmp_path / "visits.csv"
    path.write_text(f"{first}\n{first}\n")
    with pytest.raises(InvalidMapping) as mistake:
        read(path, visits())
    assert f"the file has: {told}" in mistake.value.message
    assert kept_back not in mistake.value.message


def test_a_long_line_within_a_quoted_cell_refuses_its_row(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    odd = 'v8,2026-10-01T10:00,anna@pelda.example,"two\n' + "a" * (2 * LONGEST_LINE) + '\nlines"\n'
    path.write_text("".join([HEADER, *ROWS[:3], odd, *ROWS[3:]]))
    touchpoints, refused = read(path, visits())
    assert (len(touchpoints), [r.reason for r in refused]) == (5, ["too_large"])


def test_a_header_that_never_ends_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text("0" * (3 * LONGEST_LINE))
    with pytest.raises(InvalidMapping, match="first line is longer"):
        read(path, visits())


@pytest.mark.parametrize("kind", [None, "visits"])
def test_what_a_table_without_line_ends_means_is_not_guessed(
    kind: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "visits.csv"
    path.write_bytes(b"0" * (3 * LONGEST_LINE))
    with pytest.raises(InvalidMapping, match="first line does not end"):
        guess_mapping(path, kind=kind)


@pytest.mark.parametrize("length", [200_000, 900_000])
def test_a_long_cell_does_not_keep_the_columns_from_being_guessed(
    length: int, tmp_path: Path
) -> None:
    path = tmp_path / "visits.csv"
    header = "visit_id,occurred_at,email,place\n"
    path.write_text("".join([header, *ROWS, ROWS[0].replace("Gent", "G" * length), *ROWS]))
    assert guess_mapping(path, kind="visits").mapping.columns["visit_id"] == "visit_id"


def test_a_line_separator_within_a_cell_of_utf_16_ends_no_row(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_bytes((HEADER + ROWS[0].replace("Gent", "Gent\u2028Zuid")).encode("utf-16"))
    touchpoints, refused = read(path, visits(encoding="utf-16"))
    assert (len(touchpoints), refused) == (1, [])


def test_a_long_line_of_json_is_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "visits.jsonl"
    good = '{"id":"v1","at":"2026-10-01T10:00","mail":"anna@pelda.example","shop":"Gent"}\n'
    path.write_text(good + '{"id":"' + "a" * 17_000_000 + '"}\n' + good.replace("v1", "v2"))
    touchpoints, refused = read(path, visits(format="jsonl"))
    assert len(touchpoints) == 2
    assert [(r.reason, r.locator) for r in refused] == [("too_large", "visits.jsonl:2")]


def test_the_mark_before_utf_8_is_no_part_of_the_first_line_of_json(tmp_path: Path) -> None:
    path = tmp_path / "visits.jsonl"
    good = '{"id":"v1","at":"2026-10-01T10:00","mail":"anna@pelda.example","shop":"Gent"}\n'
    path.write_text("\ufeff" + good)
    touchpoints, refused = read(path, visits(format="jsonl"))
    assert (len(touchpoints), refused) == (1, [])


@pytest.mark.parametrize("format", ["csv", "jsonl", "json"])
def test_a_packed_file_that_swells_a_thousandfold_is_refused_in_little_room(
    tmp_path: Path, format: str
) -> None:
    path = tmp_path / f"visits.{format}.gz"
    path.write_bytes(gzip.compress((HEADER + "".join(ROWS)).encode()) + gzip.compress(bytes(10**8)))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidMapping, match="as no real export does"):
            read(path, visits(format=format))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 80_000_000


def test_a_packed_file_is_not_unpacked_without_end_to_find_its_length(tmp_path: Path) -> None:
    path = tmp_path / "call.wav.gz"
    path.write_bytes(gzip.compress(bytes(10**8)))
    with open_file(path) as file, pytest.raises(InvalidMapping, match="as no real export does"):
        file.seek(0, 2)


def test_a_packed_table_as_repetitive_as_any_is_read(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv.gz"
    path.write_bytes(gzip.compress((HEADER + "".join(ROWS * 2000)).encode()))
    touchpoints, _ = read(path, visits())
    assert len(touchpoints) == 10_000


def test_xml_that_declares_entities_is_refused_for_what_it_does(tmp_path: Path) -> None:
    path = tmp_path / "invoice.xml"
    path.write_text(
        '<?xml version="1.0"?><!DOCTYPE Invoice [<!ENTITY a "aaaaaaaaaa">'
        '<!ENTITY b "&a;&a;&a;">]><Invoice>&b;</Invoice>'
    )
    for kind in (None, "ubl"):
        with pytest.raises(InvalidMapping, match="refused for safety") as mistake:
            guess_mapping(path, kind=kind)
        assert "UTF-8" not in mistake.value.message


@pytest.mark.parametrize("name", ["_chat.txt", "notes.txt"])
def test_a_packed_chat_that_swells_is_refused_for_its_size(tmp_path: Path, name: str) -> None:
    path = tmp_path / "WhatsApp Chat.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, bytes(30_000_000))
    with pytest.raises(InvalidMapping, match="would unpack to 30000000 bytes"):
        list(
            read_touchpoints(
                path,
                mapping_from(
                    {"source": "chat", "kind": "whatsapp", "constants": {"agent": "Shop"}}, "test"
                ),
                NOW,
            )
        )


_TICKET = b'{"id": 7, "subject": "Tent", "created_at": "2026-10-01T10:00:00Z"}'


@pytest.mark.parametrize(
    ("content", "found", "said"),
    [
        (b"[%b, %b]" % (_TICKET, _TICKET), 2, ()),
        (b"%b,\n\n%b" % (_TICKET, _TICKET), 2, ()),
        (b"\xef\xbb\xbf[%b]\r\n" % _TICKET, 1, ()),
        (b"[%b] and more" % _TICKET, 1, ("after the end",)),
        (b'[%b] "text"' % _TICKET, 1, ("after the end",)),
        (b"[%b]]" % _TICKET, 1, ("after the end",)),
        (b"[%b] x [%b]" % (_TICKET, _TICKET), 2, ("after the end",)),
        (b'{"tickets": [%b]} 7' % _TICKET, 1, ("after the end",)),
        (b"[%b," % _TICKET, 1, ("ends before",)),
        (b'{"tickets": [%b]' % _TICKET, 1, ("ends before",)),
        (b"[%b]%b" % (_TICKET, b" " * 600_000 + b"end"), 1, ("after the end",)),
    ],
)
def test_what_stands_after_the_json_is_refused_and_not_passed_over(
    content: bytes, found: int, said: tuple[str, ...]
) -> None:
    records = list(json_objects(BytesIO(content), "tickets.json", ("tickets",))())
    assert sum(isinstance(record, Found) for record in records) == found
    bad = [record for record in records if isinstance(record, BadRow)]
    assert len(bad) == len(said)
    for row, words in zip(bad, said, strict=True):
        assert words in row.refusal.detail
        assert is_cut(row.raw)
