"""Calendar periods across summer time, odd zones and cut units."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.understand.periods import (
    GRAINS,
    calendar,
    days,
    offsets,
    period_before,
    periods_between,
    year_before,
)
from tests.understand.touchpoint_rows import at

ZONES = ["UTC", "Europe/Brussels", "Europe/Budapest", "Asia/Kolkata", "America/St_Johns",
         "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"]  # fmt: skip
MOMENTS = st.datetimes(datetime(2005, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)


@given(zone=st.sampled_from(ZONES), start=MOMENTS, length=st.integers(1, 900), probe=MOMENTS)
@settings(max_examples=150, deadline=None)
def test_offsets_agree_with_the_time_zone_everywhere(
    zone: str, start: datetime, length: int, probe: datetime
) -> None:
    end = start + timedelta(days=length)
    moment = start + (probe - probe.min.replace(tzinfo=UTC)) % (end - start)

    found = next(
        seconds for until, seconds in offsets(start, end, zone) if until is None or moment < until
    )

    assert timedelta(seconds=found) == moment.astimezone(ZoneInfo(zone)).utcoffset()


@given(
    zone=st.sampled_from(ZONES),
    start=MOMENTS,
    length=st.integers(1, 500),
    grain=st.sampled_from(GRAINS),
)
@settings(max_examples=100, deadline=None)
def test_periods_follow_each_other_without_gap_and_every_day_is_in_one(
    zone: str, start: datetime, length: int, grain: str
) -> None:
    end = start + timedelta(days=length)

    periods = periods_between(start, end, grain, zone)

    assert periods[0].starts_at == start
    assert periods[-1].ends_at == end
    for one, next_ in pairwise(periods):
        assert one.ends_at == next_.starts_at
    numbered = calendar(periods, zone)["day"].to_pylist()
    assert len(numbered) == len(set(numbered))


def test_the_first_and_last_period_of_a_cut_range_are_not_whole() -> None:
    start, end = at("2026-01-15T00:00:00+01:00"), at("2026-04-01T00:00:00+02:00")

    periods = periods_between(start, end, "month", "Europe/Brussels")

    assert [(p.first_day, p.whole) for p in periods] == [
        (date(2026, 1, 1), False),
        (date(2026, 2, 1), True),
        (date(2026, 3, 1), True),
    ]


@pytest.mark.parametrize(
    ("grain", "first"),
    [
        ("week", date(2025, 12, 29)),
        ("quarter", date(2026, 1, 1)),
        ("year", date(2026, 1, 1)),
        ("day", date(2026, 1, 1)),
    ],
)
def test_units_begin_where_the_calendar_says(grain: str, first: date) -> None:
    start, end = days(date(2026, 1, 1), date(2026, 1, 2), "Europe/Brussels")

    assert periods_between(start, end, grain, "Europe/Brussels")[0].first_day == first


def test_whole_months_are_preceded_by_whole_months_and_days_by_days() -> None:
    zone = "Europe/Brussels"

    assert period_before(*days(date(2026, 3, 1), date(2026, 3, 31), zone), zone) == days(
        date(2026, 2, 1), date(2026, 2, 28), zone
    )
    assert period_before(*days(date(2026, 1, 1), date(2026, 12, 31), zone), zone) == days(
        date(2025, 1, 1), date(2025, 12, 31), zone
    )
    # Seven days with a change to summer time in them, after seven without.
    assert period_before(*days(date(2026, 3, 25), date(2026, 3, 31), zone), zone) == days(
        date(2026, 3, 18), date(2026, 3, 24), zone
    )


def test_a_year_before_29_february_is_the_28th() -> None:
    assert year_before(at("2024-02-29T12:00:00"), "UTC") == at("2023-02-28T12:00:00")
