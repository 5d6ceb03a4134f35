"""Movements of goods in EPCIS: the same events from XML and JSON, with whom they concern."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.collect.gs1_keys import gln, gtin
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Item
from tests.collect.connectors.whole_way import (
    mapping_of,
    read,
    read_or_refused,
    replayed,
    sample,
    spoilt,
    whole_way,
)

JSON, XML = sample("epcis.json"), sample("epcis.xml")
EPCIS = mapping_of("epcis")


def test_goods_on_their_way_say_what_went_where_for_which_order(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "epcis.json")
    sent, arrived, sold = way.touchpoints.values()
    assert sent.touchpoint_id == "epcis:ni:///sha-256;df7b?ver=CBV2.0"
    assert (sent.type, sent.channel, sent.order_id) == ("Shipment Sent", "delivery", "1152")
    assert sent.occurred_at == datetime(2026, 10, 4, 2, 33, 31, 116_000, tzinfo=UTC)
    assert sent.items == (
        Item(sku="10614141073464", quantity=Decimal(2)),
        Item(sku="09521321000018", quantity=Decimal(1)),
        Item(sku="04012345123456", quantity=Decimal(200)),
    )
    assert sent.properties["transactions"] == ["po:1152", "desadv:https://kadar.example/asn/77"]
    assert sent.properties["to"] == [
        "owning_party:5412345000013",
        "location:5412345000013",
    ]
    assert sent.record is None  # nobody said which parties are not ourselves
    assert (arrived.type, arrived.place) == (
        "Shipment Delivered",
        "urn:epc:id:sgln:0614141.00777.0",
    )
    assert (sold.type, sold.channel, sold.properties["step"]) == (
        "Goods Moved",
        "store",
        "retail_selling",
    )
    assert sorted(row.reason for row in way.refused) == [
        "invalid_timestamp",
        "not_an_order",  # declared erroneous
        "wrong_type",
    ]
    late = next(row for row in way.refused if row.reason == "invalid_timestamp")
    assert replayed(late, EPCIS, {b"yesterday": b"2026-10-06T10:00:00Z"}) == (1, [])


def test_xml_and_json_say_the_same(tmp_path: Path) -> None:
    from_json, _ = read(tmp_path / "a.json", EPCIS, JSON)
    from_xml, refused = read(tmp_path / "a.xml", EPCIS, XML)
    assert (from_xml, refused) == (from_json[:1], [])


def test_the_company_at_the_other_end_is_known_once_ours_is(tmp_path: Path) -> None:
    known = mapping_of("epcis", constants={"our_company_prefix": "0614141, 99"})
    touchpoints, _ = read(tmp_path / "a.json", known, JSON)
    assert touchpoints[0].record == Identifier(kind="business_id", value="0088:5412345000013")
    # The shop where goods arrive is our own.
    assert [touch.record for touch in touchpoints[1:]] == [None, None]


@pytest.mark.parametrize(
    ("text", "article", "place"),
    [
        ("urn:epc:id:sgtin:0614141.107346.2017", "10614141073464", None),
        ("urn:epc:idpat:sgtin:0614141.107346.*", "10614141073464", None),
        ("https://example.com/shop/01/9506000134352?x=1", "09506000134352", None),
        ("urn:epc:id:sgln:0614141.00777.0", None, "0614141007776"),
        ("https://id.gs1.org/414/9521321000010/254/gate", None, "9521321000010"),
        ("urn:epc:id:sscc:0614141.1234567890", None, None),
        ("anything", None, None),
    ],
)
def test_articles_and_places_have_one_number(
    text: str, article: str | None, place: str | None
) -> None:
    assert (gtin(text), gln(text)) == (article, place)


@pytest.mark.parametrize(
    "content",
    [
        b'{"type": "EPCISDocument", "epcisBody": {}}',
        b'{"type": "EPCISDocument", "epcisBody": {"eventList": {}}}',
        JSON[:700],
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"<Invoice/>",
        b"{\xff}",
    ],
    ids=["empty", "type", "cut", "deep", "deep objects", "other", "bytes"],
)
def test_what_is_no_document_is_said_of_the_file(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InvalidMapping):
        read(tmp_path / "a.json", EPCIS, content)


@settings(max_examples=50, deadline=None)
@given(content=spoilt(JSON) | spoilt(XML) | st.binary(max_size=100))
def test_a_spoilt_document_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    read_or_refused(tmp_path_factory.mktemp("fuzz") / "a.json", EPCIS, content)
