"""The dashboard's figures: fair comparisons, honest findings, answers kept until data change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from rapport.collect.sources import ensure_source
from rapport.errors import InvalidInput
from rapport.vocabulary.touchpoint import Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.dashboard import (
    Standing,
    View,
    cohorts,
    course,
    headline,
    metric_course,
    nps_by_channel,
    segments,
    service,
    stand,
)
from rapport.workflows.findings import Change, LateSource, Unconverted, findings
from rapport.workflows.metrics import catalogue_values
from rapport.workflows.questions import ask_disclosed
from rapport.workflows.resolve import resolve_company
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.shop import at, fallen_nps, fill, nps, orders, shop
from tests.touchpoints import email, keep, order

pytestmark = pytest.mark.slow  # a whole company each: not before every commit


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def plain(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def fallen(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock, fallen_nps) as opened:
        yield opened


def standing(company: Company, **view: object) -> Standing:
    found = stand(company, View(**view))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_an_empty_company_has_nowhere_to_stand(company: Company) -> None:
    assert stand(company, View()) is None


def test_a_month_that_has_only_begun_is_left_for_the_whole_one_before(plain: Company) -> None:
    found = standing(plain)
    # Data end on 3 November: three of thirty days say little.
    assert (found.current.first_day, found.current.whole) == (date(2026, 10, 1), True)
    assert (found.before.first_day, found.before.last_day) == (
        date(2026, 9, 1),
        date(2026, 9, 30),
    )


def test_a_running_month_is_compared_with_the_same_days_of_the_month_before(
    company: Company,
) -> None:
    fill(company, [nps(0, 9, at(11, 14))])
    found = standing(company)
    assert (found.current.last_day, found.current.whole) == (date(2026, 11, 14), False)
    assert (found.before.first_day, found.before.last_day) == (
        date(2026, 10, 1),
        date(2026, 10, 14),
    )
    figures = {each.metric.name: each for each in headline(company, found).figures}
    revenue = figures["revenue"]
    assert (revenue.value, revenue.before) == (Decimal(280), Decimal(240))
    assert revenue.change == pytest.approx(40 / 240)
    assert revenue.better is True
    # The running month would end every course with a fall.
    assert revenue.course[-1] == Decimal(240)
    assert (figures["active_customers"].value, figures["new_customers"].value) == (7, 0)
    assert figures["repeat_rate"].value == 1.0
    assert figures["nps"].n == 1


def test_thirty_one_days_are_compared_with_all_of_a_shorter_month(plain: Company) -> None:
    found = standing(plain, period=date(2026, 3, 31))
    assert found.current.last_day == date(2026, 3, 31)
    assert found.before.last_day == date(2026, 2, 28)


def mixed(count: int, country: str, channel: str, month: int = 10) -> list[Touchpoint]:
    """Orders of 10 euros by so many more customers of a country."""
    return [
        order(
            f"{country}-{channel}-{month}-{n}", "10", channel=channel, country=country,
            record=email(f"{country}{channel}{n}@kadar.example"), occurred_at=at(month, 9),
        )
        for n in range(count)
    ]  # fmt: skip


def test_filters_and_segments_narrow_the_figures(company: Company) -> None:
    months = (8, 9, 10)
    fill(
        company,
        [
            each
            for month in months
            for channel in ("web", "store")
            for each in mixed(7, "HU", channel, month)
        ],
    )
    hungary = headline(company, standing(company, country="HU"))
    assert hungary.orders == 7 + 7 + 1  # of customers 9, 10 and 11 only 10 orders in October
    store = headline(company, standing(company, channel="store"))
    assert store.orders == 7 + 2
    assert not any(figure.hidden for figure in store.figures if figure.metric.name == "revenue")


def test_figures_of_few_people_are_not_told(plain: Company) -> None:
    # Belgium's five would give away Hungary's one, whoever knows that there were six.
    for country in ("HU", "BE"):
        found = standing(plain, country=country)
        head = headline(plain, found)
        assert (head.orders, head.unconverted_orders) == (None, None)
        figures = {each.metric.name: each for each in head.figures}
        for name in ("revenue", "active_customers", "average_order_value"):
            told = figures[name]
            assert (told.hidden, told.value, told.n, told.change) == (True, None, None, None)
            assert told.before_hidden
            assert set(told.course) <= {None, 0}
        in_time = course(plain, found)
        assert [unit.first_day.month for unit in in_time.units] == [8, 9, 10]
        assert in_time.values["revenue"] == (None, None, None)
        assert in_time.hidden["revenue"] == (True, True, True)
        alone = metric_course(plain, found, "revenue")
        assert (alone.values, alone.figure.hidden) == ((None, None, None), True)
        assert catalogue_values(plain, found)["revenue"] == (None, None)
    everybody = headline(plain, standing(plain)).figures
    assert not any(figure.hidden for figure in everybody)


def test_the_strip_tells_just_what_the_same_question_does(company: Company) -> None:
    fill(company, [*mixed(7, "HU", "web"), *mixed(3, "FR", "web"), *mixed(5, "BE", "store", 9)])
    views: list[dict[str, str]] = [
        {"country": "HU"}, {"country": "FR"}, {"country": "BE"}, {"channel": "store"},
        {"channel": "web"}, {"country": "BE", "channel": "store"}, {"segment": "never_ordered"},
    ]  # fmt: skip
    seen = set()
    for view in views:
        found = standing(company, **view)
        for figure in headline(company, found).figures:
            name = figure.metric.name
            asked = metric_course(company, found, name).question
            alone = ask_disclosed(company, asked)
            assert (figure.value, figure.hidden) == (alone.rows[-1][name], alone.hidden[name][-1])
            seen.add(figure.hidden)
    assert seen == {True, False}


def test_nobody_is_behind_a_segment_without_orders(plain: Company) -> None:
    nobody = headline(plain, standing(plain, segment="never_ordered"))
    assert nobody.orders == 0
    with pytest.raises(InvalidInput, match="did you mean 'month'"):
        stand(plain, View(grain="monht"))


def test_as_known_then_leaves_out_what_arrived_later(plain: Company) -> None:
    late = order(
        "late",
        "1000",
        record=email("customer0@kadar.example"),
        occurred_at=at(10, 5),
        received_at=at(11, 2),
    )
    keep(plain, [late])
    resolve_company(plain)
    now = headline(plain, standing(plain))
    then = headline(plain, standing(plain, as_of=date(2026, 11, 1), period=date(2026, 10, 1)))
    values = [
        next(f.value for f in each.figures if f.metric.name == "revenue") for each in (now, then)
    ]
    assert values == [Decimal(1240), Decimal(240)]


def test_the_course_leaves_out_the_time_before_the_first_order(plain: Company) -> None:
    found = course(plain, standing(plain))
    assert [unit.first_day.month for unit in found.units] == [8, 9, 10]
    assert found.values["new_customers"] == (6, 6, 0)
    assert found.values["active_customers"] == (6, 6, 6)


def test_nps_of_each_channel_comes_with_its_answers(company: Company) -> None:
    answers = [nps(i, 10, at(10, 2) + timedelta(hours=i)) for i in range(10)]
    answers += [nps(i, 3, at(10, 2) + timedelta(hours=i), "phone") for i in range(5)]
    fill(company, answers)
    found = nps_by_channel(company, standing(company))
    assert [(p.channel, p.nps, p.n) for p in found.parts] == [
        ("web", 100.0, 10),
        ("phone", -100.0, 5),
    ]
    assert (found.whole, found.n) == (pytest.approx(100 / 3), 15)


def test_the_score_of_a_few_is_not_shown_nor_what_the_total_would_leave_for_them(
    company: Company,
) -> None:
    answers = [nps(i, 10, at(10, 2) + timedelta(hours=i)) for i in range(10)]
    answers += [nps(i, 3, at(10, 2) + timedelta(hours=i), "phone") for i in range(2)]
    fill(company, answers)
    found = nps_by_channel(company, standing(company))
    assert (found.parts, found.n) == ((), 12)


def test_cohorts_show_only_units_that_are_over(plain: Company) -> None:
    found = cohorts(plain, standing(plain)).retention.cohorts
    august = next(each for each in found if each.period == date(2026, 8, 1))
    assert (august.size, august.counts) == (6, (6, 0, 6))
    assert august.complete == (True, True, True)


def test_segments_have_a_year_of_revenue_and_service_figures_exist(plain: Company) -> None:
    rows = segments(plain, standing(plain))
    assert sum(row.figures.customers for row in rows) == 12
    assert sum(sum(row.trend) for row in rows) == Decimal(18 * 40)  # until October
    assert {each.metric.name for each in service(plain, standing(plain))} >= {"csat"}


def test_an_answer_is_kept_until_the_data_change(
    plain: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    engine = type(plain.lake)
    ask = engine.ask
    monkeypatch.setattr(engine, "ask", lambda self, *a, **k: asked.append(a) or ask(self, *a, **k))
    first = headline(plain, standing(plain))
    count = len(asked)
    assert count > 0
    assert headline(plain, standing(plain)) == first
    assert len(asked) == count
    keep(plain, [order("more", "5", record=email("x@kadar.example"), occurred_at=at(10, 9))])
    resolve_company(plain)
    assert headline(plain, standing(plain)).orders == 7


# ── what stands out ────────────────────────────────────────────────────────────────────────────


def test_a_fall_is_found_with_the_channel_that_carries_it(fallen: Company) -> None:
    (change,) = findings(fallen, standing(fallen)).changes
    assert isinstance(change, Change)
    assert (change.metric, change.better) == ("nps", False)
    assert change.change < -50
    assert change.p_value < 0.05
    part = change.part
    assert part is not None
    assert (part.dimension, part.value) == ("channel", "phone")
    assert part.share == pytest.approx(1.0)  # the web shop did not move


def test_nothing_is_said_of_chance_or_of_few(company: Company) -> None:
    quiet = [nps(i, 9 if i % 2 else 6, at(m, 2 + i % 20)) for m in (9, 10) for i in range(60)]
    few = [nps(i, 9 if m == 9 else 0, at(m, 3), "phone") for m in (9, 10) for i in range(5)]
    fill(company, [*quiet, *few])
    assert findings(company, standing(company)).changes == ()


def test_no_change_is_told_of_a_segment_that_is_made_of_changes(fallen: Company) -> None:
    assert findings(fallen, standing(fallen, segment="loyal")).changes == ()


def test_late_sources_and_orders_without_a_rate_are_said(
    company: Company, clock: FakeClock
) -> None:
    foreign = order(
        "zl",
        "100",
        currency="PLN",
        record=email("customer0@kadar.example"),
        occurred_at=at(10, 8),
    )
    ensure_source(
        company.ledger, clock(), name="shop", label="Tills", kind="orders", expected_every_hours=24
    )
    fill(company, [foreign])
    found = findings(company, standing(company)).cautions
    late = next(each for each in found if isinstance(each, LateSource))
    assert (late.label, late.expected_every_hours) == ("Tills", 24)
    assert next(each for each in found if isinstance(each, Unconverted)) == Unconverted(
        count=1, orders=7
    )


def test_the_shop_is_what_its_description_says() -> None:
    made = orders()
    assert len(made) == 25
    assert max(t.occurred_at for t in made) < datetime(2026, 11, 4, tzinfo=UTC)
