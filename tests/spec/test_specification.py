"""Every specification holds on the embedded engine, reads as Spark, and digests as recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import sqlglot

from rapport.engines.lake import Lake
from tests.spec.specification import DIGESTS, Spec, asked_of, digest_of, found_by, specs

ALL = specs()
RECORDED = json.loads(DIGESTS.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    opened = Lake(tmp_path_factory.mktemp("lake"), memory_limit_mb=512, threads=1)
    yield opened
    opened.close()


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_the_answer_is_the_one_written_down(spec: Spec, empty_lake: Lake) -> None:
    assert found_by(spec, empty_lake) == [dict(row) for row in spec.expected]


def test_digests_are_recorded_for_exactly_the_specifications(empty_lake: Lake) -> None:
    found = {spec.name: digest_of(spec, empty_lake) for spec in ALL}

    assert found == RECORDED, "if the change is meant, run: python -m tests.spec"


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_the_query_reads_as_spark(spec: Spec) -> None:
    assert sqlglot.parse_one(asked_of(spec).query.sql("spark"), read="spark")
