"""Companies and opportunities as CRMs export them, in five languages."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from rapport.collect.guess import guess_mapping
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from tests.collect.connectors.whole_way import NOW, mapping_of, read, replayed, whole_way

HUBSPOT_COMPANIES = (
    "Record ID,Company name,Company owner,Create Date,Phone Number,City,Country/Region,Industry,"
    "Company Domain Name,Number of Employees,Lifecycle Stage,Last Modified Date\n"
    "9001,Zïlver BV,Sofie Maes,2024-03-01 10:00,+32 16 55 01 23,Leuven,Belgium,Restaurants,"
    "zilver.example,12,customer,2026-09-30 08:15\n"
    "9002,,Sofie Maes,2024-03-02 10:00,,Gent,Belgium,,,,lead,2026-09-30 08:15\n"
)
SALESFORCE_DEALS = (
    "Opportunity ID,Opportunity Name,Stage,Amount,Currency,Close Date,Probability (%),Account ID,"
    "Account Name,Contact ID,Opportunity Owner,Created Date,Last Modified Date,Loss Reason\n"
    '006A1,Keuken 2027,Proposal,"12,500.00",EUR,2027-02-01,60,001Z,Zïlver BV,003L,Tom,2026-08-01,'
    "2026-10-01 09:00,\n"
    "006A2,Terras,Closed Lost,900,EUR,2026-10-09,0,001Z,Zïlver BV,,Tom,2026-08-01,,Price\n"
    "006A3,Vaat,Closed Won,abc,EUR,2026-10-09,100,001Z,Zïlver BV,,Tom,2026-08-01,,\n"
)


def test_a_company_is_a_record_of_its_own_with_its_facts(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "hubspot-companies.csv", HUBSPOT_COMPANIES.encode())
    assert way.imported.kind == "accounts"
    touch = way.only()
    assert touch.record == Identifier(kind="crm_account", value="9001", namespace="silo")
    assert touch.type == "Record Seen"
    assert touch.occurred_at == datetime(2026, 9, 30, 8, 15, tzinfo=UTC)
    assert touch.traits == {
        "name": "Zïlver BV",
        "company": "Zïlver BV",
        "phone": "+32 16 55 01 23",
        "city": "Leuven",
        "country": "BE",
        "created_at": "2024-03-01T10:00:00+00:00",
    }
    assert touch.properties == {
        "is_company": True,
        "website": "zilver.example",
        "industry": "Restaurants",
        "employees": "12",
        "stage": "customer",
        "owner": "Sofie Maes",
    }
    (refused,) = way.refused
    assert (refused.reason, "account_name" in refused.detail) == ("missing_field", True)


def test_a_deal_is_its_contacts_else_its_companys_and_each_change_is_told_once(
    tmp_path: Path,
) -> None:
    way = whole_way(tmp_path, "salesforce-opportunities.csv", SALESFORCE_DEALS.encode())
    assert way.imported.kind == "deals"
    open_, lost = way.touchpoints.values()
    assert open_.record == Identifier(kind="crm_contact", value="003L", namespace="silo")
    assert (open_.type, open_.amount, open_.currency) == ("Deal Updated", Decimal(12_500), "EUR")
    assert open_.occurred_at == datetime(2026, 10, 1, 9, tzinfo=UTC)
    assert open_.properties["closes_on"] == "2027-02-01"  # ahead, and no mistake
    assert (open_.properties["status"], open_.properties["probability"]) == ("open", 60.0)
    assert lost.record == Identifier(kind="crm_account", value="001Z", namespace="silo")
    assert (lost.properties["status"], lost.properties["lost_reason"]) == ("lost", "Price")
    assert lost.occurred_at == datetime(2026, 10, 9, tzinfo=UTC)
    (refused,) = way.refused
    assert refused.reason == "invalid_amount"
    mapping = guess_mapping(tmp_path / "salesforce-opportunities.csv").mapping
    assert replayed(refused, mapping, {b"abc": b"4500"}) == (1, [])


def test_a_later_export_adds_only_what_changed(tmp_path: Path) -> None:
    mapping = mapping_of(
        "deals",
        columns={"deal_id": "Deal - ID", "stage": "Deal - Stage", "amount": "Deal - Value"},
        constants={"currency": "EUR"},
    )
    header = "Deal - ID;Deal - Stage;Deal - Value\n".replace(";", ",")
    first, _ = read(tmp_path / "a.csv", mapping, f"{header}1,Lead,10\n2,Won,5\n".encode())
    second, _ = read(tmp_path / "b.csv", mapping, f"{header}1,Demo,10\n2,Won,5\n".encode())
    ids = [{t.touchpoint_id for t in touchpoints} for touchpoints in (first, second)]
    assert len(ids[0] & ids[1]) == 1
    assert len(ids[0] | ids[1]) == 3
    assert first[0].occurred_at == NOW


def test_amounts_of_deals_need_their_currency() -> None:
    with pytest.raises(InvalidMapping, match="currency"):
        mapping_of("deals", columns={"deal_id": "i", "stage": "s", "amount": "a"})


@pytest.mark.parametrize(
    ("name", "header", "kind"),
    [
        (
            "export.csv",
            "Account ID,Account Name,Type,Industry,Billing City,Phone,Website",
            "accounts",
        ),
        ("klanten.csv", "Bedrijfsnummer;Bedrijfsnaam;BTW-nummer;Sector;Gemeente", "accounts"),
        ("cegek.csv", "Cégazonosító;Cégnév;Adószám;Iparág;Város", "accounts"),
        ("clients.csv", "Numéro entreprise;Raison sociale;Numéro de TVA;Secteur;Ville", "accounts"),
        ("kunden.csv", "Firmennummer;Firmenname;USt-IdNr;Branche;Ort", "accounts"),
        ("x.csv", "Deal - ID,Deal - Title,Deal - Stage,Deal - Value,Deal - Status", "deals"),
        ("x.csv", "(Do Not Modify) Opportunity,Topic,Sales Stage,Est. Revenue,Status", "deals"),
        ("x.csv", "Record ID,Deal Name,Deal Stage,Pipeline,Close Date,Amount", "deals"),
        ("x.csv", "Lehetőség azonosító;Lehetőség neve;Szakasz;Összeg;Várható zárás", "deals"),
        (
            "x.csv",
            "Record ID,First Name,Last Name,Email,Phone Number,Company Name,City",
            "contacts",
        ),
        ("x.csv", "Order ID,Date,Customer,Total,Currency", "orders"),
    ],
)
def test_exports_of_known_crms_are_recognised_by_their_columns(
    tmp_path: Path, name: str, header: str, kind: str
) -> None:
    path = tmp_path / name
    mark = ";" if ";" in header else ","
    row = mark.join("abcdefgh"[: header.count(mark) + 1])
    path.write_text(f"{header}\n{row}\n{row}\n", "utf-8")
    assert guess_mapping(path).mapping.kind == kind
