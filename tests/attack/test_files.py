"""Files as they should not be: an error that helps or a refusal with its reason, nothing else."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from rapport.errors import InvalidMapping
from rapport.workflows.company import Company
from rapport.workflows.import_files import Imported, import_file, prepare_mapping
from tests.company import empty_company
from tests.conftest import FakeClock

HEADER = "order_id,date,email,sku,quantity,unit_price,currency\n"
GOOD = "good,2026-10-01,a@kadar.example,tent,2,3,EUR\n"


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def bring(company: Company, path: Path) -> Imported:
    return import_file(company, path, prepare_mapping(path, kind="orders").mapping)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("no.csv.gz", b"not gzip at all"),
        ("short.csv.gz", gzip.compress((HEADER + GOOD * 500).encode(), mtime=0)[:60]),
        ("flipped.csv.gz", gzip.compress(HEADER.encode() * 90, mtime=0)[:20] + b"\xff" * 30),
        ("empty.csv", b""),
        ("header.csv", HEADER.encode()),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe" * 40),
        ("bad.parquet", b"PAR1xxxxPAR1"),
        ("half.json", b'{"a":'),
        ("deep.json", b"[" * 100_000),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole_with_what_to_do(
    company: Company, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidMapping):
        bring(company, path)


@pytest.mark.parametrize(
    "lines",
    [
        "bad,2026-10-01,b@kadar.example,tent,999999999999,999999999999,EUR\n",
        "bad,2026-10-01,b@kadar.example,tent,9,99999999999,EUR\n" * 9,
    ],
    ids=["one line", "the sum"],
)
def test_an_order_worth_more_than_the_stores_hold_waits_and_the_rest_is_kept(
    company: Company, tmp_path: Path, lines: str
) -> None:
    path = tmp_path / "till.csv"
    path.write_text(HEADER + lines + GOOD)
    done = bring(company, path)
    assert done.accepted == 1
    assert [reason.reason for reason in done.reasons] == ["invalid_amount"]
