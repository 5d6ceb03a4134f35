"""Two shops' real data through the command line, against figures that Polars computes by itself.

UCI Online Retail: invoices of a British gift shop by line, with returns, customers that nobody
knows, and corrections of stock and books. CDNOW: a text of columns without a header.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from rapport.cli import main_group
from rapport.engines.lake import Query, Step
from rapport.settings import Settings
from rapport.understand.cohorts import cohort_retention
from rapport.understand.question import Question
from rapport.understand.segments.rule import All
from rapport.vocabulary.ledger_tables import refused
from rapport.workflows.accuracy import newest_accuracy
from rapport.workflows.company import Company, open_company
from rapport.workflows.questions import ask_question
from rapport.workflows.segments import segment_members, segments_overview
from tests.real_data import real_data

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def rapport(data: Path, *arguments: str) -> Any:
    """What a command answers, as JSON."""
    ran = CliRunner().invoke(main_group, ["--data", str(data), *arguments, "--json"])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def ask(company: Company, sql: str) -> list[dict[str, Any]]:
    """Rows of a question to the lake in which records belong to their profiles of now."""
    rows: list[dict[str, Any]] = company.seen.ask(
        Query(steps=(Step("answer", sql),), parameters={})
    ).to_pylist()
    return rows


class Shop:
    """A company that was imported from a file, and what the commands said."""

    def __init__(self, data: Path, imported: dict[str, Any], trained: dict[str, Any]) -> None:
        self.data = data
        self.imported = imported
        self.trained = trained


def _bring_in(folder: Path, file: Path, *options: str) -> Shop:
    copied = folder / file.name
    shutil.copy(file, copied)
    data = folder / "data"
    (imported,) = rapport(data, "import", "orders", str(copied), *options, "--yes")
    rapport(data, "resolve")
    return Shop(data, imported, rapport(data, "train"))


@pytest.fixture(scope="module")
def online_retail(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    file = real_data("predict/online_retail_to_2011-09-10.parquet")
    return _bring_in(tmp_path_factory.mktemp("retail"), file, "--map", "currency=:GBP")


@pytest.fixture
def company(online_retail: Shop) -> Iterator[Company]:
    with open_company(Settings(data=str(online_retail.data))) as opened:
        yield opened


@pytest.fixture(scope="module")
def invoices() -> pl.DataFrame:
    """One row per invoice, in exact decimals of pounds."""
    lines = pl.read_parquet(real_data("predict/online_retail_to_2011-09-10.parquet"))
    price = pl.col("UnitPrice").round(4).cast(pl.Decimal(38, 4))
    return (
        lines.with_columns((price * pl.col("Quantity")).alias("line"))
        .group_by("InvoiceNo")
        .agg(
            pl.col("line").sum().alias("amount"),
            pl.col("Quantity").max().alias("most"),
            pl.col("Quantity").min().alias("least"),
            pl.col("CustomerID").max().alias("customer"),
            pl.col("InvoiceDate").first().dt.replace_time_zone("UTC").alias("at"),
        )
    )


def no_orders() -> pl.Expr:
    """Stock written off for nothing, and bad debt written off: nobody bought or returned."""
    stock = (pl.col("amount") == 0) & (pl.col("most") < 0)
    books = (pl.col("amount") < 0) & (pl.col("least") > 0)
    return stock | books


@pytest.fixture(scope="module")
def orders(invoices: pl.DataFrame) -> pl.DataFrame:
    """What counts as orders and returns."""
    return invoices.filter(~no_orders())


def test_every_invoice_is_kept_or_refused_with_its_reason(
    online_retail: Shop, company: Company, invoices: pl.DataFrame
) -> None:
    said = online_retail.imported
    refused_invoices = invoices.filter(no_orders())
    assert said["rows"] == 334_054
    assert said["accepted"] == invoices.height - refused_invoices.height == 16_138
    assert said["refused"] == refused_invoices.height == 948
    assert [(line["reason"], line["count"]) for line in said["reasons"]] == [("not_an_order", 948)]
    with company.ledger.read() as connection:
        details = connection.execute(refused.select()).all()
    written_off = [row for row in details if "stock correction" in row.detail]
    assert len(written_off) == 946
    # Each is kept whole, so that it can be read again.
    assert all(b"InvoiceNo" in row.payload for row in details)
    assert refused_invoices["customer"].null_count() == 948  # no customer loses anything


def test_revenue_orders_and_returns_are_those_of_the_file(
    company: Company, orders: pl.DataFrame
) -> None:
    found = {
        row["type"]: row
        for row in ask(
            company,
            "SELECT type, count(*) AS n, sum(amount) AS amount, sum(amount_base) AS base, "
            "count(atom_id) AS known FROM touchpoints GROUP BY type",
        )
    }
    assert set(found) == {"Order Completed", "Order Refunded"}
    returns = orders.filter(pl.col("amount") < 0)
    sold = orders.filter(pl.col("amount") >= 0)
    for kind, expected in (("Order Completed", sold), ("Order Refunded", returns)):
        assert found[kind]["n"] == expected.height
        assert found[kind]["amount"] == found[kind]["base"] == expected["amount"].sum()
        assert found[kind]["known"] == expected["customer"].drop_nulls().len()
    assert returns.height == 2624
    assert company.choice("reporting_currency") == "GBP"


def test_each_customer_of_the_file_is_one_profile_and_cash_sales_are_nobodys(
    company: Company, orders: pl.DataFrame
) -> None:
    (found,) = ask(company, "SELECT count(*) AS customers, sum(revenue) AS revenue FROM customers")
    known = orders.drop_nulls("customer")
    assert found["customers"] == known["customer"].n_unique() == 3412
    assert found["revenue"] == known["amount"].sum()
    (nobody,) = ask(company, "SELECT count(*) AS n FROM touchpoints WHERE atom_id IS NULL")
    assert nobody["n"] == orders["customer"].null_count() == 1734


def test_rfm_rests_on_the_customers_own_orders(company: Company, orders: pl.DataFrame) -> None:
    """Ten customers: the five who paid most, and five more from all over the file."""
    until = orders["at"].max()
    known = orders.drop_nulls("customer")
    expected = (
        known.group_by("customer")
        .agg(
            pl.col("at").filter(pl.col("amount") >= 0).max().alias("last"),
            (pl.col("amount") >= 0).sum().alias("count"),
            pl.col("amount").sum().alias("revenue"),
        )
        .drop_nulls("last")
        .sort("revenue", "customer", descending=[True, False])
    )
    chosen = pl.concat([expected.head(5), expected.sort("customer").gather_every(680).head(5)])
    assert chosen.height == 10
    with company.ledger.read() as connection:
        profile_of = dict(
            connection.exec_driver_sql(
                "SELECT i.value, m.profile_id FROM identifier i "
                "JOIN membership m ON m.atom_id = i.atom_id AND m.valid_to IS NULL"
            ).all()
        )
    rows = {row["profile_id"]: row for row in ask(company, "SELECT * FROM customers")}
    for customer in chosen.iter_rows(named=True):
        row = rows[profile_of[str(customer["customer"])]]
        assert row["order_count"] == customer["count"]
        assert row["revenue"] == customer["revenue"]
        assert row["last_order_at"].astimezone(UTC) == customer["last"]
        # Counted from the end of the data, not from today.
        assert row["days_since_last_order"] == (until - customer["last"]).days


def test_cohorts_are_those_of_the_file(company: Company, orders: pl.DataFrame) -> None:
    months = (
        orders.drop_nulls("customer")
        .filter(pl.col("amount") >= 0)
        .select("customer", pl.col("at").dt.convert_time_zone("Europe/Brussels").dt.truncate("1mo"))
        .unique()
        .with_columns(pl.col("at").min().over("customer").alias("cohort"))
        .group_by("cohort", "at")
        .agg(pl.col("customer").n_unique().alias("n"))
    )
    expected = {
        (row["cohort"].date(), row["at"].date()): row["n"] for row in months.iter_rows(named=True)
    }
    found = cohort_retention(
        company.seen,
        start=datetime(2010, 11, 30, 23, tzinfo=UTC),
        end=datetime(2011, 9, 30, 22, tzinfo=UTC),
        time_zone="Europe/Brussels",
    )
    assert [cohort.period for cohort in found.cohorts] == sorted({first for first, _ in expected})
    for cohort in found.cohorts:
        for later, count in enumerate(cohort.counts):
            month = cohort.period.month - 1 + later
            period = date(cohort.period.year + month // 12, month % 12 + 1, 1)
            assert count == expected.get((cohort.period, period), 0), (cohort.period, later)
    assert sum(cohort.size for cohort in found.cohorts) == 3370


def _by_month(rows: pl.DataFrame, **values: pl.Expr) -> dict[date, dict[str, Any]]:
    """One dictionary of exact values per local month."""
    local = pl.col("at").dt.convert_time_zone("Europe/Brussels")
    grouped = rows.group_by(local.dt.truncate("1mo").dt.date().alias("month")).agg(**values)
    return {row.pop("month"): row for row in grouped.iter_rows(named=True)}


def test_nineteen_metrics_are_those_that_polars_finds(
    company: Company, orders: pl.DataFrame
) -> None:
    """Month by month and to the cent, each written in Polars from the file's own lines."""
    cents = Decimal("0.0001")
    sold, refunds = pl.col("amount") >= 0, pl.col("amount") < 0
    known = pl.col("customer").is_not_null()
    sums = _by_month(
        orders,
        revenue=pl.col("amount").sum(),
        orders=sold.sum(),
        sales=pl.col("amount").filter(sold).sum(),
        returns=refunds.sum(),
        refund_value=-pl.col("amount").filter(refunds).sum(),
        known_revenue=pl.col("amount").filter(known).sum(),
        known_orders=(sold & known).sum(),
        buyers=pl.col("customer").filter(sold & known).n_unique(),
    )
    named = orders.filter(sold & known).with_columns(
        pl.col("at").min().over("customer").alias("first")
    )
    firsts = _by_month(
        named.filter(pl.col("at") == pl.col("first")),
        new=pl.col("customer").n_unique(),
        revenue=pl.col("amount").sum(),
        count=pl.len(),
    )
    repeaters = _by_month(
        named.filter(pl.col("at") > pl.col("first")), n=pl.col("customer").n_unique()
    )
    second = (
        named.sort("at")
        .group_by("customer")
        .agg(pl.col("at").first().alias("first"), pl.col("at").slice(1, 1).first().alias("next"))
        .with_columns((pl.col("first") + pl.duration(hours=90 * 24)).alias("at"))
    )
    judged = _by_month(second, n=pl.len(), back=(pl.col("next") < pl.col("at")).sum())
    lines = pl.read_parquet(real_data("predict/online_retail_to_2011-09-10.parquet"))
    units = _by_month(
        lines.join(orders.filter(sold).select("InvoiceNo", "at"), on="InvoiceNo"),
        n=pl.col("Quantity").sum(),
    )
    sets = {
        month: set(rows["customer"])
        for (month,), rows in named.with_columns(
            pl.col("at").dt.convert_time_zone("Europe/Brussels").dt.truncate("1mo").dt.date()
        ).group_by("at")
    }
    names = (
        "revenue", "orders", "average_order_value", "returns", "refund_value", "returns_share",
        "known_orders_share", "revenue_per_customer", "orders_per_customer", "active_customers",
        "new_customers", "new_customer_share", "new_customer_revenue", "first_order_value",
        "repeat_rate", "retention", "activation", "units_sold", "product_sales",
    )  # fmt: skip
    question = Question(
        metrics=names,
        start=datetime(2010, 11, 30, 23, tzinfo=UTC),
        end=datetime(2011, 8, 31, 22, tzinfo=UTC),
        grain="month",
        time_zone="Europe/Brussels",
    )

    rows = ask_question(company, question).rows

    assert len(rows) == 9
    before: set[int] = set()
    for row in rows:
        month = row["period"]
        own, new = sums[month], firsts[month]
        exact = {
            "revenue": own["revenue"],
            "refund_value": own["refund_value"],
            "new_customer_revenue": new["revenue"],
            "product_sales": own["revenue"],
            "average_order_value": (own["sales"] / own["orders"]).quantize(cents),
            "revenue_per_customer": (own["known_revenue"] / own["buyers"]).quantize(cents),
            "first_order_value": (new["revenue"] / new["count"]).quantize(cents),
            "orders": own["orders"],
            "returns": own["returns"],
            "active_customers": own["buyers"],
            "new_customers": new["new"],
            "units_sold": units[month]["n"],
        }
        assert {name: row[name] for name in exact} == exact, month
        ratios = {
            "returns_share": own["refund_value"] / own["sales"],
            "known_orders_share": own["known_orders"] / own["orders"],
            "orders_per_customer": own["known_orders"] / own["buyers"],
            "new_customer_share": new["new"] / own["buyers"],
            "repeat_rate": repeaters.get(month, {"n": 0})["n"] / own["buyers"],
            "retention": len(before & sets[month]) / len(before) if before else None,
            "activation": judged[month]["back"] / judged[month]["n"] if month in judged else None,
        }
        for name, value in ratios.items():
            assert row[name] == (None if value is None else pytest.approx(float(value), 1e-12)), (
                name,
                month,
            )
        before = sets[month]
    assert sum(row["new_customers"] for row in rows) == 3317
    assert rows[4]["activation_n"] > 300


def test_predictions_come_with_their_back_test_and_count_from_the_end_of_the_data(
    online_retail: Shop, company: Company, orders: pl.DataFrame
) -> None:
    trained = online_retail.trained
    assert trained["scored"] + trained["not_scored"] == 3412
    assert trained["scored"] == 3370  # the others only ever returned something
    assert trained["data_until"].startswith("2011-09-09")
    assert {line["name"] for line in trained["accuracy"]} >= {
        trained["model"], "mean_of_all", "same_rate_as_before",
    }  # fmt: skip
    (scores,) = ask(
        company,
        "SELECT count(probability_alive) AS alive, count(expected_orders) AS n, "
        "min(expected_orders) AS fewest, min(expected_value) AS least FROM customers",
    )
    assert scores["n"] == 3370
    assert scores["fewest"] >= 0
    assert scores["least"] > 0
    # In these nine months nobody can be seen to leave, and the model says so of itself: who is
    # still a customer is then not shown of anybody.
    assert "dropout_not_identified" in trained["flags"]
    assert scores["alive"] == 0
    # A rule of thumb was nearer on money too, and a segment's sum over customers for ever, those
    # long lost included, is withheld; each list carries the test beside its rows.
    accuracy = newest_accuracy(company)
    assert accuracy is not None
    assert accuracy.value is not None
    assert accuracy.customers == 2744
    assert accuracy.value.rule_rmse_loss < accuracy.value.own_rmse_loss
    assert accuracy.expected_value.doubts == ("dropout_not_identified", "simple_rule_wins")
    segments = segments_overview(company)
    assert {row.figures.expected_value for row in segments} == {None}
    assert {row.expected_value_holds for row in segments} == {False}
    assert segment_members(company, All()).accuracy == accuracy


def test_importing_the_file_again_changes_nothing(online_retail: Shop) -> None:
    file = online_retail.data.parent / "online_retail_to_2011-09-10.parquet"
    (again,) = rapport(online_retail.data, "import", "orders", str(file))
    assert (again["accepted"], again["duplicates"]) == (0, 16_138)


def test_cdnow_is_read_without_a_header_and_its_totals_are_the_published_ones(
    tmp_path: Path,
) -> None:
    file = real_data("predict/CDNOW_sample.txt")
    shop = _bring_in(
        tmp_path, file,
        *("--map", "customer_id=1", "--map", "occurred_at=3", "--map", "amount=5"),
        *("--map", "currency=:USD"),
    )  # fmt: skip
    rows = [line.split() for line in file.read_text().splitlines() if line.strip()]
    assert shop.imported["accepted"] == len(rows) == 6919
    assert shop.imported["refused"] == 0
    with open_company(Settings(data=str(shop.data))) as company:
        (found,) = ask(
            company,
            "SELECT count(*) AS customers, sum(revenue) AS revenue, sum(order_count) AS orders "
            "FROM customers",
        )
    assert found["customers"] == len({row[0] for row in rows}) == 2357
    assert found["orders"] == 6919
    assert float(found["revenue"]) == pytest.approx(sum(float(row[4]) for row in rows), abs=0.005)
    assert shop.trained["scored"] == 2357
