"""The manual's page of metrics, and what every metric states."""

from __future__ import annotations

from pathlib import Path

import pytest

from rapport.understand.metrics import BY_NAME, METRICS
from rapport.understand.metrics.base import Metric
from rapport.understand.metrics.manual import manual
from rapport.understand.relations import BY_NAME as RELATIONS
from rapport.understand.text.analysis import NEUTRAL_WITHIN

FOLDER = Path(__file__).parents[2]


def test_the_manual_says_what_the_metrics_say() -> None:
    page = FOLDER / "docs" / "reference" / "metrics.md"

    assert page.read_text(encoding="utf-8") == manual(), (
        "run: python -m rapport.understand.metrics.manual > docs/reference/metrics.md"
    )


def test_metrics_are_registered_in_alphabetical_order_one_file_each() -> None:
    names = [metric.name for metric in METRICS]
    folder = FOLDER / "src" / "rapport" / "understand" / "metrics"
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "base", "manual"}

    assert names == sorted(names)
    assert files == set(names)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_whole(metric: Metric) -> None:
    assert metric.description.endswith(".")
    assert len(metric.source) > 5
    assert metric.relation in RELATIONS
    # A ratio of nothing has no value, nor has what rests on costs nobody stated; a count of
    # nothing is zero.
    assert (metric.empty is None) == (metric.per is not None or bool(metric.needs))
    assert metric.unit not in ("share", "points", "score") or metric.per is not None


def test_a_complaint_is_judged_by_the_border_of_neutral_words() -> None:
    assert f"sentiment < -{NEUTRAL_WITHIN} " in BY_NAME["complaints"].expression


def test_every_relation_is_asked_by_a_metric() -> None:
    assert {metric.relation for metric in METRICS} == set(RELATIONS)
