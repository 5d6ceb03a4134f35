"""``rapport import`` as a person meets it: it guesses, shows, asks, and keeps each record once."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import Rapport

SALES = """invoice,invoice date,customer,total,currency
1001,2026-03-01 10:00,c1,20.00,EUR
1002,2026-03-02 11:30,c2,35.50,EUR
1003,2026-03-09 09:15,c1,,EUR
1004,2026-02-31 09:15,c3,12.00,EUR
"""


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text(SALES)
    return path


def _touchpoints(rapport: Rapport) -> int:
    return int(json.loads(rapport("rebuild", "--dry-run", "--json").out)["entries"])


MAPPED = (
    *("--map", "order_id=invoice", "--map", "occurred_at=invoice date"),
    *("--map", "customer_id=customer", "--map", "amount=total", "--map", "currency=currency"),
)


@pytest.mark.usefixtures("sales")
def test_guessed_columns_are_shown_and_not_used_unasked(rapport: Rapport) -> None:
    ran = rapport("import", "orders", "sales.csv")
    assert ran.code == 2
    assert "invoice date" in ran.err
    assert "occurred_at" in ran.err
    assert "--yes" in ran.err
    assert _touchpoints(rapport) == 0
    assert not Path("sales.csv.mapping.toml").exists()


@pytest.mark.usefixtures("sales")
def test_yes_takes_the_guess_and_saves_it_beside_the_file(rapport: Rapport) -> None:
    ran = rapport("import", "orders", "sales.csv", "--yes", "--json")
    assert ran.code == 0
    (result,) = json.loads(ran.out)
    assert (result["rows"], result["accepted"], result["refused"]) == (4, 2, 2)
    mapping = tomllib.loads(Path("sales.csv.mapping.toml").read_text())
    assert mapping["kind"] == "orders"
    assert mapping["columns"]["occurred_at"] == "invoice date"
    assert mapping["columns"]["order_id"] == "invoice"


@pytest.mark.usefixtures("sales")
def test_a_saved_mapping_is_used_without_asking(rapport: Rapport) -> None:
    assert rapport("import", "orders", "sales.csv", "--yes").code == 0
    again = rapport("import", "orders", "sales.csv")
    assert again.code == 0
    assert "2 were here already" in again.out


@pytest.mark.usefixtures("sales")
def test_importing_twice_keeps_each_record_once(rapport: Rapport) -> None:
    for _ in range(2):
        assert rapport("import", "orders", "sales.csv", *MAPPED, "--yes").code == 0
    assert _touchpoints(rapport) == 2


@pytest.mark.usefixtures("sales")
def test_a_dry_run_checks_everything_and_keeps_nothing(rapport: Rapport) -> None:
    ran = rapport("import", "orders", "sales.csv", *MAPPED, "--yes", "--dry-run")
    assert ran.code == 0
    assert "would keep 2 touchpoints" in ran.out
    assert "2 refused" in ran.out
    assert _touchpoints(rapport) == 0
    assert not Path("sales.csv.mapping.toml").exists()


@pytest.mark.usefixtures("sales")
def test_refused_rows_are_counted_by_reason_with_their_place(rapport: Rapport) -> None:
    (result,) = json.loads(rapport("import", "orders", "sales.csv", *MAPPED, "--yes", "--json").out)
    reasons = {line["reason"]: line for line in result["reasons"]}
    assert reasons["missing_field"]["example"] == "sales.csv:4"
    assert reasons["invalid_timestamp"]["example"] == "sales.csv:5"
    assert all(line["count"] == 1 and line["meaning"] for line in reasons.values())


@pytest.mark.usefixtures("sales")
def test_a_column_that_the_file_lacks_is_named_with_those_it_has(rapport: Rapport) -> None:
    ran = rapport("import", "orders", "sales.csv", *MAPPED, "--map", "email=mail", "--yes")
    assert ran.code == 2
    for name in ("`mail`", "invoice", "customer", "total"):
        assert name in ran.err


def test_one_value_for_all_rows_is_given_with_a_colon(rapport: Rapport) -> None:
    Path("shop.csv").write_text("order_id,date,total\n1,2026-01-02,20\n")
    assert rapport("import", "orders", "shop.csv", "--map", "currency=:HUF", "--yes").code == 0
    mapping = tomllib.loads(Path("shop.csv.mapping.toml").read_text())
    assert mapping["constants"]["currency"] == "HUF"


def test_several_files_of_a_kind_come_in_at_once(rapport: Rapport) -> None:
    for month in (1, 2):
        Path(f"sales_{month}.csv").write_text(
            f"order_id,date,total,currency\n{month},2026-0{month}-02,20,EUR\n"
        )
    ran = rapport("import", "orders", "sales_1.csv", "sales_2.csv", "--yes", "--json")
    assert [result["accepted"] for result in json.loads(ran.out)] == [1, 1]


def test_a_file_that_is_not_there_is_a_mistake_of_use(rapport: Rapport) -> None:
    ran = rapport("import", "orders", "sales.csv")
    assert ran.code == 2
    assert "sales.csv" in ran.err


@pytest.mark.usefixtures("sales")
def test_a_mapping_of_another_kind_is_not_used(rapport: Rapport) -> None:
    assert rapport("import", "orders", "sales.csv", "--yes").code == 0
    ran = rapport("import", "contacts", "sales.csv")
    assert ran.code == 2
    assert "orders" in ran.err
    assert "contacts" in ran.err


def test_orders_without_a_currency_are_asked_for_one(rapport: Rapport, tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text("order_id,date,total,email\n1,2026-03-01,5,a@x.example\n", "utf-8")
    refused = rapport("import", "orders", str(path), "--yes")
    assert refused.code == 2
    assert "--map currency=:EUR" in " ".join(refused.err.split())


def test_a_file_that_shows_nothing_of_what_it_holds_is_not_guessed(rapport: Rapport) -> None:
    Path("recipes.csv").write_text("id,title,minutes\n1,Soup,20\n2,Cake,60\n")
    ran = rapport("import", "guess", "recipes.csv", "--yes")
    assert ran.code == 2
    assert "was not recognised" in ran.err
    assert "contacts" in ran.err
