"""Dates of birth as forms, tills and spreadsheets write them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.unify.matching.comparisons.birth import COMPARISON, read_birth
from tests.unify.matching.comparisons.readings import level


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("1978-11-12", None, date(1978, 11, 12)),
        ("1978-11-12T00:00:00Z", None, date(1978, 11, 12)),
        ("1978-11-12 00:00:00", None, date(1978, 11, 12)),
        ("1978/11/12", None, date(1978, 11, 12)),
        ("19781112", None, date(1978, 11, 12)),
        ("19781112.0", None, date(1978, 11, 12)),  # a spreadsheet's
        ("12/11/1978", "BE", date(1978, 11, 12)),
        ("11/12/1978", "US", date(1978, 11, 12)),
        ("10/27/76", None, date(1976, 10, 27)),  # only the day can be 27
        ("27-10-1976", "NL", date(1976, 10, 27)),
        ("12.11.1978", "DE", date(1978, 11, 12)),
        ("1978. 11. 12.", "HU", date(1978, 11, 12)),
        ("1978.11.12", "HU", date(1978, 11, 12)),
        ("1978. november 12.", "HU", date(1978, 11, 12)),
        ("Mar 1 1970", None, date(1970, 3, 1)),
        ("1 maart 1970", "NL", date(1970, 3, 1)),
        ("1er mars 1970", "FR", date(1970, 3, 1)),
        ("12 août 1981", "FR", date(1981, 8, 12)),
        ("3. März 1970", "DE", date(1970, 3, 3)),
        ("1970. szeptember 3.", "HU", date(1970, 9, 3)),
        ("24-May-11", None, date(2011, 5, 24)),
        ("15-Mar-92", None, date(1992, 3, 15)),
        ("3/1/70", None, date(1970, 1, 3)),
        ("2003i03-13", None, date(2003, 3, 13)),
        ("2O03-03-13", None, date(2003, 3, 13)),
        ("19780-7-11", None, date(1978, 7, 11)),
        ("1972-041-8", None, date(1972, 4, 18)),
        ("1868-05-02", None, date(1868, 5, 2)),  # archives
        ("1978-21-12", None, date(1978, 12, 21)),  # no month is 21
    ],
)
def test_a_date_is_read_as_its_country_writes_it(
    text: str, country: str | None, expected: date
) -> None:
    assert read_birth(text, country)[0] == expected


@pytest.mark.parametrize(
    "text",
    ["", "31/02/1978", "1978-13-32", "1900-01-01", "1970-01-01", "1899-12-30", "0000-00-00",
     "9999-12-31", "1978", "unknown", "n/a", "12/11", "198n-07-31", "1-2-3-4", "²²²²-²²-²²"],
)  # fmt: skip
def test_what_is_no_day_or_a_system_s_own_says_nothing(text: str) -> None:
    assert read_birth(text, "BE") == (None,) * 5


@given(st.dates(min_value=date(1901, 1, 2), max_value=date(2099, 12, 31)))
def test_a_date_is_the_same_however_it_is_written(day: date) -> None:
    if day == date(1970, 1, 1):
        return
    written = (
        day.isoformat(),
        f"{day:%Y%m%d}",
        f"{day.year}. {day.month:02}. {day.day:02}.",
        f"{day.year}/{day.month}/{day.day}",
        f"{day.day}.{day.month}.{day.year}",
        f"{day.day:02}/{day.month:02}/{day.year}",
        f"{day:%b} {day.day} {day.year}",
    )
    assert {read_birth(text, "BE")[0] for text in written} == {day}
    assert read_birth(f"{day.month}/{day.day}/{day.year}", "US")[0] == day


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1978-11-12", "12/11/1978", "same_birth"),
        ("1978-01-01", "1/1/1978", "same_new_year"),
        ("1978-11-12", "1978-12-11", "day_and_month_swapped"),
        ("1978-01-01", "1978-11-12", "same_year_new_year"),
        ("1978-11-12", "1979-11-12", "one_digit"),
        ("1978-11-12", "1987-11-12", "one_digit"),  # two neighbours swapped
        ("1978-11-12", "1978-11-21", "one_digit"),
        ("1979-11-12", "1980-11-12", "two_parts"),
        ("1978-11-12", "1978-11-30", "two_parts"),
        ("1978-11-12", "1978-04-12", "two_parts"),
        ("1978-11-12", "1978-04-30", "same_year"),
        ("1978-11-12", "1951-03-12", "else"),
        ("1978-11-12", "", None),
    ],
)
def test_births_stand_on_the_level_that_a_clerk_would_say(
    one: str, other: str, expected: str | None
) -> None:
    assert level(COMPARISON, {"birthday": one}, {"birthday": other}) == expected
