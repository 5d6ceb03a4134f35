"""The mark that some programs write before UTF-8 changes nothing of what a file says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rapport.collect.guess import guess_mapping
from rapport.collect.mapped_files import read_touchpoints
from tests.collect.connectors.whole_way import sample

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


def read(path: Path, content: bytes) -> tuple[list[str], list[str]]:
    path.write_bytes(content)
    batches = list(read_touchpoints(path, guess_mapping(path).mapping, NOW))
    return (
        [touch.touchpoint_id for batch in batches for touch in batch.touchpoints],
        [record.reason for batch in batches for record in batch.refused],
    )


@pytest.mark.parametrize(
    "name",
    [
        "limesurvey.csv",
        "surveymonkey.csv",
        "trustpilot.csv",
        "Master.csv",
        "formbricks.json",
        "address_book.vcf",
        "camt053.xml",
    ],
)
def test_a_mark_before_the_text_changes_nothing(name: str, tmp_path: Path) -> None:
    content = sample(name)
    plain = read(tmp_path / name, content)
    assert plain[0]
    assert read(tmp_path / name, b"\xef\xbb\xbf" + content) == plain
