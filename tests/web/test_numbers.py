"""Numbers, money, dates and times in the four languages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.web.numbers import Numbers, numbers_for
from rapport.web.words import LANGUAGES

NOW = datetime(2026, 11, 21, 8, 12, tzinfo=UTC)


def numbers(language: str) -> Numbers:
    return numbers_for(language, "Europe/Brussels", "EUR")


def plain(text: str) -> str:
    """With ordinary spaces, to compare by eye."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("language", "compact", "whole", "price", "negative"),
    [
        ("en", "€1.81M", "€612,400", "€64.20", "−€1,234"),
        ("nl", "€ 1,81 mln.", "€ 612.400", "€ 64,20", "€ −1.234"),
        ("fr", "1,81 M €", "612 400 €", "64,20 €", "−1 234 €"),
        ("hu", "1,81 M €", "612 400 €", "64,20 €", "−1 234 €"),
    ],
)
def test_money_is_written_as_each_language_does(
    language: str, compact: str, whole: str, price: str, negative: str
) -> None:
    n = numbers(language)
    assert plain(n.money_compact(1_810_000)) == compact
    assert plain(n.money(Decimal("612400.00"))) == whole
    assert plain(n.price(64.2)) == price
    assert plain(n.money(-1234)) == negative


@pytest.mark.parametrize(
    ("language", "currency", "written"),
    [
        ("en", "HUF", "HUF 1,200"),
        ("hu", "HUF", "1 200 Ft"),
        ("fr", "USD", "1 200 $"),
        ("nl", "GBP", "£ 1.200"),
        ("hu", "EUR", "1 200 €"),
    ],
)
def test_other_currencies_are_written_too(language: str, currency: str, written: str) -> None:
    assert plain(numbers(language).money(1200, currency=currency)) == written


@pytest.mark.parametrize(
    ("language", "share", "change", "points", "count"),
    [
        ("en", "81.2%", "+2.1%", "−1.2 pt", "84,312"),
        ("nl", "81,2%", "+2,1%", "−1,2 pt", "84.312"),
        ("fr", "81,2 %", "+2,1 %", "−1,2 pt", "84 312"),
        ("hu", "81,2%", "+2,1%", "−1,2 pt", "84 312"),
    ],
)
def test_shares_and_changes(
    language: str, share: str, change: str, points: str, count: str
) -> None:
    n = numbers(language)
    assert plain(n.share(0.812)) == share
    assert plain(n.change(0.021)) == change
    assert plain(n.points(-0.012)) == points
    assert plain(n.count(84_312)) == count


def test_signs_are_true_minus_and_zero_has_none() -> None:
    n = numbers("en")
    assert [n.signed(52), n.signed(-8), n.signed(0), n.signed(-0.2)] == ["+52", "−8", "0", "0"]


@given(
    st.sampled_from(list(LANGUAGES)),
    st.decimals(min_value=-(10**9), max_value=10**9, places=4),
    st.integers(min_value=0, max_value=4),
)
def test_no_number_is_written_with_a_hyphen_or_as_minus_zero(
    language: str, value: Decimal, digits: int
) -> None:
    n = numbers(language)
    for text in (
        n.decimal(value, digits=digits),
        n.signed(value, digits=digits),
        n.share(value, digits=digits),
        n.change(value, digits=digits),
        n.points(value, digits=digits),
        n.money(value),
        n.price(value),
        n.money_compact(value),
        n.count_compact(value),
    ):
        assert "-" not in text
        assert "EUR" not in text
        if "−" in text:
            assert any(digit in text for digit in "123456789")


def test_halves_round_away_from_zero_and_floats_of_numpy_are_numbers() -> None:
    n = numbers("en")
    assert n.share(0.125, digits=0) == "13%"
    assert n.decimal(np.float64(2.675), digits=2) == "2.68"
    assert n.count(np.int64(3)) == "3"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "date_", "day", "month"),
    [
        ("en", "9 March 2021", "Tuesday 9 March", "Mar ’21"),
        ("nl", "9 maart 2021", "dinsdag 9 maart", "mrt ’21"),
        ("fr", "9 mars 2021", "mardi 9 mars", "mars 21"),
        ("hu", "2021. március 9.", "március 9., kedd", "2021. márc."),
    ],
)
def test_dates_name_their_month(language: str, date_: str, day: str, month: str) -> None:
    n = numbers(language)
    moment = date(2021, 3, 9)
    assert (n.date(moment), n.day(moment), n.month(moment)) == (date_, day, month)


@pytest.mark.parametrize(
    ("language", "within", "over_months", "over_years"),
    [
        ("en", "1–31 Oct 2026", "24 Aug – 22 Nov 2026", "1 Nov 2025 – 31 Oct 2026"),
        ("nl", "1–31 okt 2026", "24 aug – 22 nov 2026", "1 nov 2025 – 31 okt 2026"),
        ("fr", "1–31 oct. 2026", "24 août – 22 nov. 2026", "1 nov. 2025 – 31 oct. 2026"),
        ("hu", "2026. okt. 1–31.", "2026. aug. 24. – nov. 22.", "2025. nov. 1. – 2026. okt. 31."),
    ],
)
def test_spans_name_each_part_once(
    language: str, within: str, over_months: str, over_years: str
) -> None:
    n = numbers(language)
    end = date(2026, 10, 31)
    assert plain(n.span(date(2026, 10, 1), end)) == within
    assert plain(n.span(date(2026, 8, 24), date(2026, 11, 22))) == over_months
    assert plain(n.span(date(2025, 11, 1), end)) == over_years


def test_times_are_on_the_users_clock_and_dates_of_moments_follow_it() -> None:
    late = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert numbers("en").date_time(late) == "22 November 2026, 00:30"
    assert numbers_for("en", "America/New_York", "USD").date_time(late) == "21 November 2026, 18:30"


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        numbers("en").time(datetime(2026, 11, 21, 8, 0))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("span", "old", "ago"),
    [
        (timedelta(minutes=8), "8 min old", "8 minutes ago"),
        (timedelta(hours=1), "1 h old", "1 hour ago"),
        (timedelta(hours=26), "26 h old", "26 hours ago"),
        (timedelta(days=9), "9 days old", "9 days ago"),
        (timedelta(days=70), "2 months old", "2 months ago"),
        (timedelta(days=800), "2 years old", "2 years ago"),
    ],
)
def test_ages_are_said_in_the_unit_a_person_would_use(span: timedelta, old: str, ago: str) -> None:
    n = numbers("en")
    assert (n.age(NOW - span, NOW), n.ago(NOW - span, NOW)) == (old, ago)
