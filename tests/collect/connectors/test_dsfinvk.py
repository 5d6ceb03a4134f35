"""Receipts of German tills: what was sold and given back; cash that only moves is no sale."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings

from rapport.collect.guess import guess_mapping
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Item
from tests.collect.connectors.whole_way import (
    mapping_of,
    read,
    read_or_refused,
    replayed,
    spoilt,
    whole_way,
)

TILL = mapping_of("dsfinvk")
K = "K1;2026-10-05T20:00:00Z;17"
TABLES = {
    "index.xml": "<DataSet/>",
    "cashpointclosing.csv": "Z_KASSE_ID;Z_ERSTELLUNG;Z_NR;NAME\n" + f"{K};Kádár GmbH\n",
    "location.csv": "Z_KASSE_ID;Z_ERSTELLUNG;Z_NR;LOC_NAME;LOC_ORT;LOC_LAND\n"
    f"{K};Laden Köln;Köln;DEU\n",
    "cashregister.csv": "Z_KASSE_ID;Z_ERSTELLUNG;Z_NR;KASSE_BASISWAEH_CODE\n" + f"{K};EUR\n",
    "transactions.csv": "Z_KASSE_ID;Z_ERSTELLUNG;Z_NR;BON_ID;BON_NR;BON_TYP;BON_STORNO;BON_START;"
    "BON_ENDE;BEDIENER_ID;UMS_BRUTTO;KUNDE_NAME;KUNDE_ID;KUNDE_TYP;KUNDE_STRASSE;KUNDE_PLZ;"
    "KUNDE_ORT;KUNDE_LAND;KUNDE_USTID\n"
    f"{K};a1;1;Beleg;0;2026-10-05T08:00:00.000Z;2026-10-05T10:15:30.000+02:00;7;27,50;;;;;;;;\n"
    f"{K};a2;2;Beleg;0;2026-10-05T09:00:00Z;2026-10-05T09:01:00Z;7;11,90;Jörg Huber;D-300;Kunde;"
    '"Seestraße 4; Hof";83471;Schönau;DEU;DE136695976\n'
    f"{K};a3;3;Beleg;1;2026-10-05T09:30:00Z;2026-10-05T09:31:00Z;7;-2,50;;;;;;;;\n"
    f"{K};a4;4;AVTraining;0;2026-10-05T09:40:00Z;2026-10-05T09:41:00Z;7;5,00;;;;;;;;\n"
    f"{K};a5;5;Beleg;0;2026-10-05T07:00:00Z;2026-10-05T07:00:00Z;7;0,00;;;;;;;;\n"
    f"{K};a6;6;Beleg;0;2026-10-05T07:30:00Z;2026-10-05T07:31:00Z;7;zwei;;;;;;;;\n",
    # A receipt's lines may stand apart.
    "lines.csv": "Z_KASSE_ID;Z_ERSTELLUNG;Z_NR;BON_ID;POS_ZEILE;GUTSCHEIN_NR;ARTIKELTEXT;GV_TYP;"
    "P_STORNO;ART_NR;GTIN;WARENGR;MENGE;STK_BR\n"
    f"{K};a1;1;;Kaffeebecher;Umsatz;0;B-1;;Küche;2;12,50\n"
    f"{K};a2;1;GS-9;Gutschein;MehrzweckgutscheinKauf;0;;;;1;11,90\n"
    f"{K};a1;2;;Pfand;Pfand;0;;;;1;2,50\n"
    f"{K};a3;1;;Pfand;PfandRueckzahlung;0;;;;-1;2,50\n"
    f"{K};a4;1;;Übung;Umsatz;0;;;;1;5,00\n"
    f"{K};a5;1;;;Anfangsbestand;0;;;;1;100,00\n"
    f"{K};a6;1;;Tasse;Umsatz;0;;;;1;2,00\n",
    "lines_vat.csv": "Z_KASSE_ID;Z_ERSTELLUNG;Z_NR;BON_ID;POS_ZEILE;UST_SCHLUESSEL;POS_BRUTTO\n"
    f"{K};a1;1;1;20,00\n{K};a1;1;2;5,00\n{K};a1;2;1;2,50\n{K};a2;1;5;11,90\n{K};a3;1;1;-2,50\n",
    "datapayment.csv": "Z_KASSE_ID;Z_ERSTELLUNG;Z_NR;BON_ID;ZAHLART_TYP;ZAHLART_NAME\n"
    f"{K};a1;Bar;\n{K};a2;Unbar;Girocard\n",
}


def export(folder: str = "export/", **changes: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in TABLES.items():
            said = changes.get(name.removesuffix(".csv"), text)
            archive.writestr(zipfile.ZipInfo(folder + name), said.encode("utf-8-sig"))
    return packed.getvalue()


def test_receipts_are_sales_with_their_lines_shop_and_buyer(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "kasse.zip", export())
    assert way.imported.kind == "dsfinvk"
    assert (way.imported.rows, way.imported.accepted) == (6, 3)
    first = way.touchpoints["dsfinvk:K1:17:a1"]
    assert (first.type, first.amount, first.currency) == (
        "Order Completed",
        Decimal("27.50"),
        "EUR",
    )
    assert first.occurred_at == datetime(2026, 10, 5, 8, 15, 30, tzinfo=UTC)
    assert (first.place, first.country, first.record) == ("Laden Köln", "DE", None)
    assert first.items == (
        Item(
            sku="B-1",
            name="Kaffeebecher",
            category="Küche",
            quantity=Decimal(2),
            unit_price=Decimal("12.5000"),
            amount=Decimal("25.0000"),  # two rates of tax on one line
        ),
        Item(
            sku="Pfand",
            name="Pfand",
            quantity=Decimal(1),
            unit_price=Decimal("2.5000"),
            amount=Decimal("2.5000"),
        ),
    )
    assert first.properties["payment"] == "Bar"
    named = way.touchpoints["dsfinvk:K1:17:a2"]
    assert named.identifiers == (
        Identifier(kind="customer_number", value="D-300", namespace="silo"),
        Identifier(kind="business_id", value="DE136695976"),
    )
    assert named.traits == {
        "name": "Jörg Huber",
        "street": "Seestraße 4; Hof",
        "postal_code": "83471",
        "city": "Schönau",
    }
    assert named.properties["vouchers"] == ["GS-9"]
    back = way.touchpoints["dsfinvk:K1:17:a3"]
    assert (back.type, back.amount, back.items[0].quantity) == (
        "Order Refunded",
        Decimal("-2.50"),
        Decimal(-1),
    )
    assert sorted(row.reason for row in way.refused) == [
        "invalid_amount",
        "not_an_order",  # training
        "not_an_order",  # the morning's cash
    ]


def test_a_refused_receipt_is_kept_as_an_export_of_its_own(tmp_path: Path) -> None:
    _, refused = read(tmp_path / "kasse.zip", TILL, export())
    broken = next(row for row in refused if row.reason == "invalid_amount")
    with zipfile.ZipFile(io.BytesIO(broken.payload)) as archive:
        assert archive.read("transactions.csv").decode().count("\n") == 2
        mended = io.BytesIO()
        with zipfile.ZipFile(mended, "w") as again:
            for name in archive.namelist():
                again.writestr(name, archive.read(name).replace(b"zwei", b"2,00"))
    ((touch,), still) = read(tmp_path / "mended.zip", TILL, mended.getvalue())
    assert (touch.amount, touch.place, still) == (Decimal("2.00"), "Laden Köln", [])


def test_a_row_that_cannot_be_read_costs_its_receipt_alone(tmp_path: Path) -> None:
    lines = TABLES["lines.csv"].replace(";Pfand;Pfand;0;", ";Pfand;Pfand;", 1)
    lines += f"{K};a99;1;;Waise;Umsatz;0;;;;1;1,00\n"
    good, refused = read(tmp_path / "kasse.zip", TILL, export(lines=lines))
    assert [touch.touchpoint_id for touch in good] == ["dsfinvk:K1:17:a2", "dsfinvk:K1:17:a3"]
    reasons = sorted(row.reason for row in refused)
    assert reasons == [
        "invalid_amount",
        "missing_field",  # lines without a receipt
        "not_an_order",
        "not_an_order",
        "wrong_type",
    ]


def test_an_archive_that_would_flood_the_disk_is_refused(tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("transactions.csv", b"0" * 30_000_000)
        archive.writestr("lines.csv", TABLES["lines.csv"])
    with pytest.raises(InvalidMapping, match="would unpack to 30000000"):
        read(tmp_path / "a.zip", TILL, bomb.getvalue())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 nothing", "no zip archive"),
        (b"", "no zip archive"),
        (export(transactions="a;b\n1;2\n"), "no columns Z_KASSE_ID"),
        (export()[:-200], "no zip archive"),
    ],
    ids=["head", "empty", "columns", "cut"],
)
def test_what_is_no_export_is_said_of_the_file(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(InvalidMapping, match=message):
        read(tmp_path / "a.zip", TILL, content)


def test_an_archive_without_its_tables_says_which(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("transactions.csv", TABLES["transactions.csv"])
    with pytest.raises(InvalidMapping, match=r"lacks lines\.csv"):
        read(tmp_path / "a.zip", TILL, packed.getvalue())


def test_an_export_is_recognised_and_read_when_packed_again(tmp_path: Path) -> None:
    path = tmp_path / "kasse.zip"
    path.write_bytes(export(folder=""))
    assert guess_mapping(path).mapping.kind == "dsfinvk"
    good, _ = read(tmp_path / "kasse.zip.gz", TILL, gzip.compress(export()))
    assert len(good) == 3


def test_a_replay_reads_the_kept_receipt_again(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "kasse.zip", export(), TILL)
    assert {replayed(row, TILL)[0] for row in way.refused} == {0}


@settings(max_examples=50, deadline=None)
@given(content=spoilt(export()))
def test_a_spoilt_archive_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    read_or_refused(tmp_path_factory.mktemp("fuzz") / "a.zip", TILL, content)


@settings(max_examples=50, deadline=None)
@given(table=spoilt(TABLES["lines.csv"].encode()))
def test_a_spoilt_table_in_a_whole_archive_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, table: bytes
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("transactions.csv", TABLES["transactions.csv"])
        archive.writestr("lines.csv", table)
    read_or_refused(tmp_path_factory.mktemp("fuzz") / "a.zip", TILL, packed.getvalue())
