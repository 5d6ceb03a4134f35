"""Bank statements: who paid what and what came back; never what the company itself pays."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings

from rapport.collect.account_numbers import belgian_reference, without_accounts
from rapport.collect.guess import guess_mapping
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Touchpoint
from tests.collect.connectors.whole_way import (
    mapping_of,
    read,
    read_or_refused,
    replayed,
    sample,
    spoilt,
    whole_way,
)

STATEMENT = sample("camt053.xml")
CAMT = mapping_of("camt053", file={"time_zone": "Europe/Brussels"})


def by_amount(tmp_path: Path) -> dict[Decimal | None, Touchpoint]:
    touchpoints, _ = read(tmp_path / "camt053.xml", CAMT, STATEMENT)
    return {touch.amount: touch for touch in touchpoints}


def test_payments_name_their_payer_and_what_they_are_for(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "camt053.xml", mapping=CAMT)
    assert way.imported.rows == 6
    paid = {touch.amount: touch for touch in way.touchpoints.values()}
    assert sorted(paid) == [  # type: ignore[type-var]
        Decimal("-25.00"),
        Decimal("25.00"),
        Decimal("50.00"),
        Decimal("133.10"),
        Decimal("412.55"),
    ]
    invoice = paid[Decimal("133.10")]
    assert (invoice.type, invoice.channel, invoice.currency) == (
        "Payment Received",
        "finance",
        "EUR",
    )
    assert invoice.occurred_at == datetime(2026, 10, 5, 22, tzinfo=UTC)
    assert invoice.record == Identifier(kind="iban", value="BE71096123456769")
    assert invoice.traits == {
        "name": "Brasserie Zïlver",
        "street": "Oude Markt 12",
        "postal_code": "3000",
        "city": "Leuven",
        "country": "BE",
    }
    assert invoice.order_id == invoice.properties["structured_reference"] == "+++090/9337/55493+++"
    assert invoice.properties["our_account"] == "…7034"
    assert "end_to_end" not in invoice.properties


def test_a_batch_is_taken_apart_and_texts_keep_no_account_number(tmp_path: Path) -> None:
    paid = by_amount(tmp_path)
    first, second = paid[Decimal("25.00")], paid[Decimal("50.00")]
    assert first.order_id == "WEB-100234"  # all that was written is one number
    assert first.occurred_at == datetime(2026, 10, 6, 9, 30, tzinfo=UTC)
    assert first.properties["mandate"] == "MANDAAT-9"
    assert second.order_id is None  # a sentence is none
    assert second.properties["remittance"] == ("köszönöm, rendelés WEB-100240, számla …0000")
    patterned = mapping_of("camt053", constants={"order_pattern": r"WEB-\d+"})
    touchpoints, _ = read(tmp_path / "camt053.xml", patterned)
    assert {t.order_id for t in touchpoints if t.amount == 50} == {"WEB-100240"}


def test_a_payment_taken_back_is_negative_and_its_payers(tmp_path: Path) -> None:
    returned = by_amount(tmp_path)[Decimal("-25.00")]
    assert (returned.type, returned.properties["return_reason"]) == ("Payment Returned", "MD06")
    assert returned.properties["reversal"] is True
    assert returned.record == Identifier(kind="iban", value="FR1420041010050500013M02606")
    assert returned.traits == {"name": "Anaïs Dubois"}


def test_a_sum_without_its_parts_is_nobodys(tmp_path: Path) -> None:
    cards = by_amount(tmp_path)[Decimal("412.55")]
    assert (cards.record, cards.traits) == (None, {})
    assert cards.properties["remittance"] == "Bancontact 06/10"


def test_wages_and_suppliers_are_left_out_unless_the_account_only_pays_refunds(
    tmp_path: Path,
) -> None:
    touchpoints, refused = read(tmp_path / "camt053.xml", CAMT, STATEMENT)
    assert "Employee" not in str(touchpoints)
    assert refused == []
    assert guess_mapping(tmp_path / "camt053.xml").mapping.kind == "camt053"
    refunds = mapping_of("camt053", constants={"outgoing": "refunds"})
    touchpoints, _ = read(tmp_path / "camt053.xml", refunds)
    (paid_out,) = (t for t in touchpoints if t.amount == -2450)
    assert (paid_out.type, paid_out.traits["name"]) == ("Payment Returned", "Tom Employee")
    with pytest.raises(InvalidMapping, match=r"outgoing.*regular expression"):
        mapping_of("camt053", constants={"outgoing": "all", "order_pattern": "("})


def test_an_older_version_says_the_same(tmp_path: Path) -> None:
    older = (
        STATEMENT.replace(b"camt.053.001.08", b"camt.053.001.02")
        .replace(b"<Sts><Cd>BOOK</Cd></Sts>", b"<Sts>BOOK</Sts>")
        .replace(b"<Sts><Cd>PDNG</Cd></Sts>", b"<Sts>PDNG</Sts>")
        .replace(b"<Pty>", b"")
        .replace(b"</Pty>", b"")
        .replace(
            b'<Amt Ccy="EUR">25.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>\n',
            b'<AmtDtls><TxAmt><Amt Ccy="EUR">25.00</Amt></TxAmt></AmtDtls>\n',
        )
    )
    assert older.count(b"TxAmt>") == 2
    new, _ = read(tmp_path / "new.xml", CAMT, STATEMENT)
    old, refused = read(tmp_path / "old.xml", CAMT, older)
    assert (old, refused) == (new, [])


def test_one_broken_entry_is_refused_alone_as_a_statement_of_its_own(tmp_path: Path) -> None:
    broken = STATEMENT.replace(b">133.10<", b">133,1O<")
    way = whole_way(tmp_path, "x.xml", broken, CAMT)
    assert len(way.touchpoints) == 4
    (refused,) = way.refused
    assert refused.reason == "invalid_amount"
    assert b"BE68539007547034" in refused.payload  # its account stays with it
    assert b"WEB-100234" not in refused.payload  # and nobody else's payment does
    assert replayed(refused, CAMT, {b">133,1O<": b">133.10<"}) == (1, [])


def test_a_statement_that_breaks_off_gives_what_stands_before(tmp_path: Path) -> None:
    cut = STATEMENT[: STATEMENT.index(b"<RvslInd>")]
    touchpoints, refused = read(tmp_path / "x.xml", CAMT, cut)
    assert len(touchpoints) == 3
    assert [record.reason for record in refused] == ["malformed_record"]


def test_equal_payments_of_one_day_stay_two(tmp_path: Path) -> None:
    entry = STATEMENT[STATEMENT.index(b"<Ntry>") : STATEMENT.index(b"</Ntry>") + 7]
    twice = STATEMENT.replace(entry, entry + entry, 1)
    touchpoints, _ = read(tmp_path / "x.xml", CAMT, twice)
    two = [t.touchpoint_id for t in touchpoints if t.amount == Decimal("133.10")]
    assert len(set(two)) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+++090/9337/55493+++", "+++090/9337/55493+++"),
        ("***090/9337/55493***", "+++090/9337/55493+++"),
        ("+++090/9337/55494+++", None),
        ("0909337554931", None),
    ],
)
def test_a_structured_communication_is_known_by_its_check(text: str, expected: str | None) -> None:
    assert belgian_reference(text, whole=True) == expected


def test_only_numbers_whose_checks_are_right_are_masked() -> None:
    assert without_accounts("order 1234567890123456") == "order 1234567890123456"
    assert without_accounts("card 4111-1111-1111-1111!") == "card …1111!"
    assert without_accounts("BE68539007547034 DANK U") == "…7034 DANK U"


@settings(max_examples=50, deadline=None)
@given(content=spoilt(STATEMENT))
def test_a_spoilt_statement_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    read_or_refused(tmp_path_factory.mktemp("fuzz") / "x.xml", CAMT, content)
