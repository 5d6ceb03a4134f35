"""What is seen of competitors and in shops: offers, switches, mystery visits, visitor counts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from rapport.collect.guess import guess_mapping
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Item
from tests.collect.connectors.whole_way import mapping_of, read, replayed, whole_way

OFFERS = (
    "Concurrent;Our SKU;Product;Prijs;Currency;Verzendkosten;Beschikbaarheid;URL;Gezien op;Winkel\n"
    "TentWereld;ZELT-2;Tweepersoonstent;79,99;EUR;4,95;op voorraad;https://tw.example/1;05/10/2026;\n"
    "Kampeer & Co;ZELT-2;Tent;84,50;EUR;;;;13/10/2026;Gent\n"
    "Kampeer & Co;;;84,50;EUR;;;;13/10/2026;Gent\n"
)
SWITCHES = (
    "Won/Lost,Competitor,Date,Email,Reason,Notes\n"
    "Won,TentWereld,2026-09-01,anna@pelda.example,price,Cheaper here\n"
    "lost,Kampeer & Co,2026-09-03,lore@zilver.example,delivery,\n"
    "maybe,Kampeer & Co,2026-09-03,x@zilver.example,delivery,\n"
)
WIDE = (
    "Visit ID,Visit date,Store,Shopper,Greeting,Stock checked,Till speed,Comments\n"
    "V1,2026-10-02 14:30,Leuven,MS-7,5,yes,3,Friendly but slow\n"
    "V2,2026-10-03 10:00,Gent,MS-8,4,no,n/a,\n"
    "V3,2026-10-03 11:00,Gent,MS-8,9,no,2,\n"
)
LONG = (
    "Visit;Visit date;Store;Criterion;Points;Max points;Weight\n"
    "V1;2026-10-02;Leuven;Begroeting;4;5;2\n"
    "V2;2026-10-02;Gent;Begroeting;5;5;1\n"
    "V1;2026-10-02;Leuven;Kassa;5;10;1\n"
)


def test_an_offer_is_a_competitors_price_for_our_article(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "concurrenten.csv", OFFERS.encode())
    assert way.imported.kind == "competitor_offers"
    first, second = way.touchpoints.values()
    assert (first.type, first.channel, first.record) == ("Competitor Offer Seen", "market", None)
    assert first.occurred_at == datetime(2026, 10, 5, tzinfo=UTC)
    assert (first.amount, first.currency) == (Decimal("79.99"), "EUR")
    assert first.items == (
        Item(
            sku="ZELT-2",
            name="Tweepersoonstent",
            unit_price=Decimal("79.99"),
            amount=Decimal("79.99"),
        ),
    )
    assert first.properties == {
        "competitor": "TentWereld",
        "shipping": "4.95",
        "availability": "op voorraad",
        "url": "https://tw.example/1",
    }
    assert second.place == "Gent"
    (refused,) = way.refused
    assert refused.reason == "missing_field"
    mapping = guess_mapping(tmp_path / "concurrenten.csv").mapping
    assert replayed(refused, mapping, {b"Co;;;": b"Co;ZELT-3;;"}) == (1, [])


def test_prices_without_a_currency_are_asked_about() -> None:
    with pytest.raises(InvalidMapping, match="currency"):
        mapping_of("competitor_offers", columns={"competitor": "c", "seen_at": "d", "price": "p"})


def test_customers_won_and_lost_keep_their_reason(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "switches.csv", SWITCHES.encode())
    assert way.imported.kind == "competitor_switches"
    won, lost = way.touchpoints.values()
    assert (won.type, won.text) == ("Customer Won", "Cheaper here")
    assert won.record == Identifier(kind="email", value="anna@pelda.example")
    assert won.properties == {"competitor": "TentWereld", "reason": "price"}
    assert (lost.type, lost.properties["competitor"]) == ("Customer Lost", "Kampeer & Co")
    assert way.profiles == 2
    (refused,) = way.refused
    assert (refused.reason, "values.direction" in refused.detail) == ("wrong_type", True)


def test_a_form_with_a_column_for_each_criterion_is_scored_from_them(tmp_path: Path) -> None:
    path = tmp_path / "mystery.csv"
    path.write_text(WIDE)
    guess = guess_mapping(path)
    assert guess.mapping.kind == "mystery_shopping"
    assert any("criteria_max" in question for question in guess.questions)
    columns = dict(guess.mapping.columns)
    assert {f for f in columns if f.startswith("criterion_")} == {
        "criterion_Greeting",
        "criterion_Stock checked",
        "criterion_Till speed",
    }
    mapping = mapping_of("mystery_shopping", columns=columns, constants={"criteria_max": 5})
    way = whole_way(tmp_path, "mystery.csv", WIDE.encode(), mapping)
    first, second = way.touchpoints.values()
    assert (first.type, first.score, first.scale_max) == ("Mystery Visit Scored", 86.67, 100.0)
    assert first.properties["criteria"] == {
        "Greeting": 100.0,
        "Stock checked": 100.0,
        "Till speed": 60.0,
    }
    assert (first.place, first.text) == ("Leuven", "Friendly but slow")
    assert second.score == 40.0  # what was not asked counts neither way
    # The shopper is hired: their code is kept, and nobody's profile is made of it.
    assert (first.record, way.profiles, first.properties["shopper"]) == (None, 0, "MS-7")
    (refused,) = way.refused
    assert refused.reason == "score_out_of_range"
    assert replayed(refused, mapping, {b",9,": b",5,"}) == (1, [])


def test_a_form_with_a_row_for_each_criterion_is_weighted(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "mystery.csv", LONG.encode())
    assert way.imported.kind == "mystery_shopping"
    scores = {touch.place: touch.score for touch in way.touchpoints.values()}
    assert scores == {"Leuven": 70.0, "Gent": 100.0}  # (2 x 80 + 1 x 50) / 3


def test_a_stated_total_is_brought_to_a_hundred(tmp_path: Path) -> None:
    mapping = mapping_of(
        "mystery_shopping",
        columns={"visited_at": "d", "place": "s", "score": "t", "shopper_mail": "email"},
        constants={"scale_max": 20},
    )
    ((touch,), _) = read(
        tmp_path / "m.csv", mapping, b"d,s,t,email\n2026-10-01,Gent,15,shopper@x.example\n"
    )
    assert (touch.score, touch.identifiers) == (75.0, ())


@pytest.mark.parametrize(
    ("constants", "columns", "message"),
    [
        ({}, {}, "criterion_NAME"),
        ({}, {"criterion_a": "a"}, "criteria_max"),
        ({"criteria_max": "-1"}, {"criterion_a": "a"}, "above 0"),
        ({"criteria_max": 5}, {"criterion": "a"}, "criterion_score"),
    ],
)
def test_a_form_whose_scale_is_not_known_is_asked_about(
    constants: dict[str, object], columns: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidMapping, match=message):
        mapping_of(
            "mystery_shopping",
            columns={"visited_at": "d", "place": "s", **columns},
            constants=constants,
        )


def test_counts_at_doors_name_nobody(tmp_path: Path) -> None:
    table = (
        "Store,Entrance,Start,End,In,Out\n"
        "Leuven,North,2026-10-02 10:00,2026-10-02 11:00,42,39\n"
        "Leuven,South,2026-10-02 10:00,2026-10-02 11:00,7,\n"
        "Leuven,North,2026-10-02 10:00,2026-10-02 11:00,42,39\n"
        "Leuven,North,2026-10-02 11:00,2026-10-02 12:00,4.5,39\n"
    )
    way = whole_way(tmp_path, "footfall.csv", table.encode())
    assert way.imported.kind == "footfall"
    north, south = way.touchpoints.values()  # the same count twice is one
    assert (north.type, north.place, north.record) == ("Footfall Counted", "Leuven", None)
    assert north.occurred_at == datetime(2026, 10, 2, 10, tzinfo=UTC)
    assert north.properties == {"entered": 42, "left": 39, "door": "North", "minutes": 60.0}
    assert (south.properties["entered"], south.properties.get("left")) == (7, None)
    assert [row.reason for row in way.refused] == ["wrong_type"]
    assert way.profiles == 0


def test_two_different_counts_of_one_hour_are_not_added(tmp_path: Path) -> None:
    mapping = mapping_of(
        "footfall",
        columns={"occurred_at": "d", "entered": "n", "direction": "r", "place": "s"},
    )
    good, refused = read(
        tmp_path / "f.csv",
        mapping,
        b"d,n,r,s\n2026-10-02 10:00,5,in,A\n2026-10-02 10:00,6,in,A\n2026-10-02 10:00,4,Uit,A\n"
        b"2026-10-02 10:00,4,out,A\n",
    )
    assert [
        (t.properties["entered"], t.properties.get("left"))
        for t in good
        if (t.properties.get("entered"))
    ] == [(5, None)]
    assert [row.reason for row in refused] == ["duplicate_key", "wrong_type"]
