"""Mailbox, chats, calls, bank and the like of the demo company tell one story with its orders."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from rapport.collect.mapped_files import read_touchpoints
from rapport.collect.mapping import find_mapping
from rapport.demo import generate
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.touchpoint import Touchpoint

pytestmark = pytest.mark.slow  # seconds: not before every commit

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
FOLDERS = ("address_book", "bank", "calls_hu", "configurator", "footfall", "invoices", "mailbox",
           "market", "mystery", "webshop", "whatsapp_budapest", "whatsapp_gent")  # fmt: skip
#: What mail programs put around a letter, none of which a customer wrote.
AROUND = ("schreef", "a écrit", "ezt írta", "wrote:", "iPhone", "Outlook", "\n>", "Maison Kadár\n")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Touchpoint]]]:
    folder = tmp_path_factory.mktemp("kadar")
    generate(folder, people=1000)
    found: dict[str, list[Touchpoint]] = defaultdict(list)
    for name in FOLDERS:
        for path in sorted((folder / name).iterdir()):
            mapping = find_mapping(path)
            if path.suffix == ".toml" or mapping is None or "behaviour" in path.name:
                continue
            for batch in read_touchpoints(path, mapping, NOW):
                found[mapping.source] += batch.touchpoints
    return folder, found


Company = tuple[Path, dict[str, list[Touchpoint]]]


def people_of(folder: Path, source: str) -> set[str]:
    truth = pl.read_parquet(folder / "truth/people.parquet")
    return set(truth.filter(pl.col("source") == source)["person_id"])


def test_letters_are_read_without_what_stands_around_them(company: Company) -> None:
    letters = [t for t in company[1]["mailbox"] if t.type == v.EMAIL_RECEIVED]
    assert len(letters) > 20
    for letter in letters:
        assert not any(around in (letter.text or "") for around in AROUND)
    answers = [t for t in company[1]["mailbox"] if t.type == v.MESSAGE_SENT]
    assert answers
    assert all(t.text is None and t.properties["sent_text"] for t in answers)


def test_letters_go_on_about_tickets_of_the_help_desk(company: Company) -> None:
    folder, found = company
    about = [t for t in found["mailbox"] if "[#" in str(t.properties.get("subject"))]
    tickets = (folder / "support/tickets.jsonl").read_text("utf-8")
    for letter in about:
        number = str(letter.properties["subject"]).rpartition("[#")[2].rstrip("]")
        assert f'"id":{number},' in tickets
    assert len(about) > 20


def test_some_of_those_who_chat_also_write_letters(company: Company) -> None:
    folder, found = company
    for source, country in (("whatsapp_gent", "BE"), ("whatsapp_budapest", "HU")):
        assert {t.country for t in found[source]} == {country}
        assert {t.type for t in found[source]} == {v.CHAT_ENDED}
        assert people_of(folder, source)
    chatting = people_of(folder, "whatsapp_gent") | people_of(folder, "whatsapp_budapest")
    assert chatting & people_of(folder, "mailbox")


def test_transfers_pay_orders_of_the_web_shop_to_the_cent(company: Company) -> None:
    _, found = company
    orders = {t.order_id: t for t in found["webshop"] if t.type == v.ORDER_COMPLETED}
    paid = [t for t in found["bank"] if t.type == v.PAYMENT_RECEIVED]
    assert len(paid) > 30
    for payment in paid:
        order = orders[str(payment.properties["end_to_end"])]
        assert payment.amount == order.amount
        assert payment.occurred_at > order.occurred_at
        ibans = {i.value for i in order.identifiers if i.kind == "iban"}
        assert {i.value for i in payment.identifiers} == ibans


def test_only_collected_payments_are_taken_back(company: Company) -> None:
    back = [t for t in company[1]["bank"] if t.type == v.PAYMENT_RETURNED]
    assert back
    for payment in back:
        assert payment.amount is not None
        assert payment.amount < 0
        assert payment.properties["mandate"]
        assert payment.properties["return_reason"] == "MD06"


def test_hungarian_calls_have_what_the_customer_said_and_the_whole_talk(company: Company) -> None:
    calls = company[1]["callcentre_hu"]
    spoken = [t for t in calls if t.text]
    assert 0 < len(spoken) < len(calls)
    for call in spoken:
        assert call.text in str(call.properties["transcript"])
        assert "Maison Kadár" not in (call.text or "")


def test_companies_and_suppliers_are_none_of_the_people(company: Company) -> None:
    folder, found = company
    others = pl.read_parquet(folder / "truth/others.parquet")
    people = pl.read_parquet(folder / "truth/people.parquet")
    assert not set(others["value"]) & set(people["value"])
    assert {t.record.value for t in found["invoicing"] if t.record} <= set(others["value"])


def test_the_wholesale_desk_knows_the_companies_of_the_invoices_and_others_at_their_door(
    company: Company,
) -> None:
    others = pl.read_parquet(company[0] / "truth/others.parquet")
    by_source = {
        source: others.filter(pl.col("source") == source)["name"].to_list()
        for source in ("invoicing", "wholesale")
    }
    assert set(by_source["invoicing"]) < set(by_source["wholesale"])
    twice = {name for name, times in Counter(by_source["wholesale"]).items() if times > 1}
    assert twice == {"Hôtel des Tilleuls SA"}


def test_invoices_that_are_taken_back_were_sent(company: Company) -> None:
    invoices = company[1]["invoicing"]
    sent = {t.order_id: t.amount or Decimal(0) for t in invoices if t.type == v.ORDER_COMPLETED}
    for credit in (t for t in invoices if t.type == v.ORDER_REFUNDED):
        assert 0 < -(credit.amount or Decimal(0)) <= sent[credit.order_id or ""]


def test_a_store_sells_to_fewer_than_come_in(company: Company) -> None:
    folder, found = company
    counts = [int(t.properties["entered"]) for t in found["footfall"]]
    assert len({t.place for t in found["footfall"]}) == 16
    receipts = set()
    for path in (folder / "tills").glob("receipts_be_*.csv"):
        table = pl.read_csv(path, separator=";", infer_schema=False)
        receipts |= set(table["kassabonnr"])
    belgian = [t for t in found["footfall"] if t.country == "BE"]
    assert sum(int(t.properties["entered"]) for t in belgian) > 0.5 * len(receipts)
    assert min(counts) >= 0


def test_visits_and_prices_name_nobody(company: Company) -> None:
    for source in ("mystery", "footfall", "price_watch"):
        assert company[1][source]
        assert not any(t.identifiers for t in company[1][source])


def test_clicks_are_of_people_who_signed_in_and_agreed(company: Company) -> None:
    clicks = company[1]["web"]
    assert {t.type for t in clicks} >= {
        v.PAGE_VIEWED, v.ELEMENT_CLICKED, v.RAGE_CLICKED, v.DEAD_CLICKED, v.PAGE_ENGAGED,
    }  # fmt: skip
    views = {t.touchpoint_id for t in clicks if t.type == v.PAGE_VIEWED}
    assert all(any(i.kind == "user_id" for i in t.identifiers) for t in clicks)
    assert len(views) * 2 < len(clicks)


def test_a_saved_configuration_costs_what_its_parts_cost(company: Company) -> None:
    saved = company[1]["configurator"]
    assert {t.properties["status"] for t in saved} == {"saved", "quote_requested"}
    for configuration in saved:
        parts = sum((item.amount or Decimal(0) for item in configuration.items), Decimal(0))
        assert parts == configuration.amount
