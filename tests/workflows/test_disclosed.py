"""Attacks through the door: no question, nor two neighbouring ones, gives away the few."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from rapport.errors import InvalidInput, InvalidQuestion
from rapport.understand.periods import days
from rapport.understand.question import Filter, Question
from rapport.understand.segments.rule import where
from rapport.workflows.company import Company
from rapport.workflows.questions import DisclosedAnswer, ask_disclosed
from rapport.workflows.saved_questions import SavedQuestion, answer_saved, check_saved
from rapport.workflows.stated_figures import state_figure
from tests.conftest import FakeClock
from tests.shop import shop

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

START, END = days(date(2026, 8, 1), date(2026, 10, 31), "Europe/Brussels")
SALES = Question(metrics=("revenue", "orders"), start=START, end=END, time_zone="Europe/Brussels")


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    """Nine customers in Belgium, three in Hungary; four of the twelve buy in the store."""
    with shop(tmp_path, clock) as opened:
        yield opened


def shown(found: DisclosedAnswer, name: str = "revenue") -> list[Decimal | None]:
    return [row[name] for row in found.rows]


def test_a_hidden_part_cannot_be_taken_from_the_total(company: Company) -> None:
    assert shown(ask_disclosed(company, SALES)) == [Decimal(720)]
    split = ask_disclosed(company, replace(SALES, dimensions=("country",)))
    assert shown(split) == [None, None]
    assert split.hidden == {"revenue": (True, True), "orders": (True, True)}


def test_asking_for_the_parts_one_by_one_tells_no_more(company: Company) -> None:
    for values, exclude in ((("BE",), False), (("HU",), False), (("HU",), True), (("BE",), True)):
        only = (Filter(dimension="country", values=values, exclude=exclude),)
        assert shown(ask_disclosed(company, replace(SALES, filters=only))) == [None]
    both = (Filter(dimension="country", values=("BE", "HU")),)
    assert shown(ask_disclosed(company, replace(SALES, filters=both))) == [Decimal(720)]


def test_a_segment_that_leaves_out_a_few_is_not_shown(company: Company) -> None:
    most = replace(SALES, segment=where("order_count", "ge", 2))
    assert shown(ask_disclosed(company, most)) == [None]  # three customers are not of it


def test_the_digest_is_that_of_what_is_shown(company: Company) -> None:
    by_country = ask_disclosed(company, replace(SALES, dimensions=("country",)))
    again = ask_disclosed(company, replace(SALES, dimensions=("country",), count_people=True))
    assert by_country.digest == again.digest
    assert "revenue_n" in by_country.rows[0]
    assert by_country.rows[0]["revenue_n"] is None


def test_a_saved_question_moves_on_and_is_compared(company: Company) -> None:
    asked = SavedQuestion(metrics=("revenue",), period="last_month")
    found = answer_saved(company, asked)
    assert found is not None
    assert (found.first_day, found.last_day) == (date(2026, 10, 1), date(2026, 10, 31))
    assert (found.compared_first, found.compared_last) == (date(2026, 9, 1), date(2026, 9, 30))
    revenue = found.whole["revenue"]
    assert (revenue.value, revenue.compared, revenue.change) == (Decimal(240), Decimal(240), 0.0)


def test_days_before_the_data_began_are_nothing_to_compare_with(company: Company) -> None:
    asked = SavedQuestion(
        metrics=("revenue",), period="days", first_day=date(2026, 9, 1), last_day=date(2026, 11, 30)
    )
    found = answer_saved(company, asked)
    assert found is not None
    # June is empty, so that June to August is no quarter to compare with.
    assert (found.whole["revenue"].compared, found.whole["revenue"].change) == (None, None)


def test_a_target_of_a_year_is_due_by_the_day(company: Company) -> None:
    state_figure(
        company, name="target", scope="revenue", amount="3650",
        first_day=date(2026, 1, 1), last_day=date(2026, 12, 31), actor="t",
    )  # fmt: skip
    found = answer_saved(
        company, SavedQuestion(metrics=("revenue",), period="last_month", compare="target")
    )
    assert found is not None
    assert found.whole["revenue"].compared == Decimal(310)
    assert found.whole["revenue"].change == pytest.approx(240 / 310 - 1)
    for scope, last in (("revenu", date(2026, 12, 31)), ("revenue", None)):
        with pytest.raises(InvalidInput):
            state_figure(
                company, name="target", scope=scope, amount="1",
                first_day=date(2027, 1, 1), last_day=last, actor="t",
            )  # fmt: skip


def test_what_was_known_then_is_answered_as_it_was(company: Company) -> None:
    asked = SavedQuestion(
        metrics=("orders",), period="days", first_day=date(2026, 8, 1), last_day=date(2026, 10, 31),
        as_of=date(2026, 8, 31),
    )  # fmt: skip
    found = answer_saved(company, asked)
    assert found is not None
    assert found.question.as_of == datetime(2026, 8, 31, 22, tzinfo=UTC)


def test_too_short_a_history_has_no_forecast_and_says_so(company: Company) -> None:
    found = answer_saved(
        company, SavedQuestion(metrics=("revenue",), grain="month", compare="forecast")
    )
    assert found is not None
    assert found.outlook["revenue"].found is None
    assert "18 whole periods" in str(found.outlook["revenue"].problem)


def test_all_that_is_wrong_with_a_question_is_said_at_once() -> None:
    wrong = SavedQuestion(metrics=("revenue",), period="last_yaer", compare="targets", only=("x",))
    with pytest.raises(InvalidQuestion) as refused:
        check_saved(wrong)
    for words in ("last_year", "target", "channel=web"):
        assert words in refused.value.message
    with pytest.raises(InvalidQuestion, match="did you mean 'revenue'"):
        check_saved(SavedQuestion(metrics=("revenu",)))
