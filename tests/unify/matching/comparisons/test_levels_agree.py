"""A level is SQL for batches and Python for one record: both must say the same of the same pair."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.unify.matching.comparison import STATED, Comparison, level_of
from rapport.unify.matching.comparisons import COMPARISONS

pytestmark = pytest.mark.slow  # whole companies: not before every commit

_TYPES = {"text": pa.string(), "date": pa.date32(), "words": pa.list_(pa.string()),
          "number": pa.float64()}  # fmt: skip

#: What real silos write, by stated column; pairs are drawn from these and from slips in them.
SAMPLES: dict[str, tuple[str, ...]] = {
    "source": ("crm", "web", "pos"),
    "name": (
        "Kovács Ágnes", "Kovács Jánosné", "Kovács János", "Kovácsné Nagy Ágnes", "Nagy Ágnes",
        "Dr. Szűcs Béla ifj.", "id. Szűcs Béla", "Victor van den Brink", "van den Brink, V.",
        "DUPONT Jean-Pierre", "J.-P. Dupont", "Jean Dupond", "Müller Jürgen", "Mueller Juergen",
        "Bob Smith", "Robert Smith Jr.", "Smith R. J.", "Smith R. K.", "Peeters bvba", "Peeters",
        "王杰", "🎉", "Ó", "Desmet Els", "Els De Smet", "Łukasz Żółć", "Straße Weiß", "Anna", "",
    ),
    "first_name": ("Anna", "Anna Mária", "J.", "Jean-Pierre", "Daniela", "Daniel", "Liesbeth",
                   "Els", "Bobby", "Robert", "A M", "李", ""),
    "last_name": ("Kovács", "Kovácsné", "van de Velde", "Vandevelde", "De Smet", "Desmet",
                  "O'Hare", "Szilvássy-Nagy", "Szilvásy", "Smith", "Smyth", "Dupont-Martin",
                  "ifj. Szűcs", "id. Szűcs", ""),
    "kind": ("person", "company", "shop", ""),
    "company": (
        "Bakkerij Peeters", "Boulangerie Peeters SPRL", "BAKKERIJ PEETERS BVBA", "Bakkrij Peeters",
        "Peeters", "Garage Peeters & Zonen", "Peeters & Zn.", "Bouw Groep", "Bouwgroep NV",
        "Antwerpse Bouw Compagnie", "ABC", "Studio 54", "Studio 55", "Kovács és Társa Kft.",
        "Peeters Janssens Advocaten", "Janssens Peeters", "IT Solutions", "B.V.", "n.v.t.", "東京",
        "Groene Vinger", "De Groene Vingers", "",
    ),
    "business_id": ("BE 0403.170.701", "403170701", "BE0403170710", "732 829 320 00074",
                    "FR44732829320", "12345676-2-42", "HU12345676", "NL123456782B01", "12345678",
                    "n/a", "0000000000"),
    "birthday": ("1978-11-12", "12/11/1978", "1978-12-11", "1978-01-01", "01.01.1978", "1979-11-12",
                 "1978. 11. 21.", "Nov 12 1978", "1978-05-30", "19781112", "31/02/1978",
                 "1900-01-01", "1868"),
    "gender": ("m", "F", "nő", "Frau", "x", "unknown"),
    "country": ("BE", "NL", "FR", "HU", "GB", "US"),
    "email": ("anna.kovacs@gmail.com", "annakovacs@gmial.com", "anna_kovacs@telenet.be",
              "ana.kovacs@gmail.com", "info@peeters.be", "anna.kovács@példa.hu", "x", "a@b.co",
              "Anna <anna.kovacs@gmail.con>", "annakovacs1@hotmail.com",
              "kovacs.anna@free.fr"),
    "phone": ("0470/12.34.56", "+32470123456", "470123456", "0470123465", "06 20 123 4567",
              "702-919-1300", "919-1300", "0000000000", "٠٤٧٠١٢٣٤٥٦"),
    "street": ("Stationsstraat 12", "Stationstr. 12 bus 3", "12, rue de l'Église",
               "Rue de l'Eglise",
               "Kossuth Lajos u. 5", "Kossuth L. utca 5", "High Road", "Ady tér", "東京", ""),
    "house_number": ("12", "12A", "5/b", "012", "n°3", "—"),
    "postal_code": ("2000", "2001", "B-2000", "1234 AB", "1234ac", "SW1A 1AA", "59000", "00000"),
    "city": ("Antwerpen", "Anvers", "Antwerpn", "Lille", "'s-Gravenhage", "Gyøngyös", "東京"),
    "loyalty_card": ("LC4521987", "lc-4521 987", "LC4521978", "LC452198", "X1", "ÉÉ45219871"),
    "national_id": ("85.07.30-033 28", "85073003328", "85073003382", "000000",
                    "91112540217", "BE1234567"),
    "iban": ("BE68 5390 0754 7034", "be68539007547034", "FR914713241697", "x"),
    "customer_number": ("17", "C-17", "18", " 17"),
    "device_id": ("d0d87ad61bd77", "D0d87ad61bd77", "d" * 300),
}  # fmt: skip


#: Pairs on levels that chance seldom meets.
RARE: dict[str, list[tuple[Any, Any]]] = {
    "name": [(("Kovács Jánosné", None, None), (None, "János", "Kovács"))],
    "company_name": [
        (("Antwerpse Bouw Compagnie", None, None, None), ("ABC", None, None, None)),
    ],
    "mailbox_name": [
        ((None, None, None, mailbox), ("Jan Peeters", None, None, None))
        for mailbox in ("jan.peeters@a.be", "jpeeters7@a.be", "jan.peeterss@a.be", "peeters@a.be")
    ],
}


def levels_in_sql(comparison: Comparison, pairs: Sequence[tuple[Any, Any]]) -> list[str | None]:
    """The level of each pair of readings, from one query."""
    schema = pa.schema([(column.name, _TYPES[column.type]) for column in comparison.columns])
    tables = {}
    for side, rows in zip("lr", zip(*pairs, strict=True), strict=True):
        columns = [pa.array(values, type=field.type) for values, field in
                   zip(zip(*rows, strict=True), schema, strict=True)]  # fmt: skip
        tables[side] = pa.table([pa.array(range(len(rows))), *columns], ["pair", *schema.names])
    said = " or ".join(f"l.{name} is null or r.{name} is null" for name in comparison.said)
    cases = " ".join(f"when {level.sql} then '{level.key}'" for level in comparison.levels)
    unknown = " or ".join(f"({level.sql}) is null" for level in comparison.levels)
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        for side, table in tables.items():
            connection.register(f"{side}_side", table)
        rows = connection.execute(
            f"select case when {said} then null {cases} else 'else' end,"
            f" not ({said}) and ({unknown})"
            " from l_side l join r_side r using (pair) order by pair"
        ).fetchall()
    assert not any(unknown for _, unknown in rows), "a level is NULL although both records speak"
    return [level for level, _ in rows]


def assert_agree(comparison: Comparison, stated: Sequence[tuple[Any, Any]]) -> set[str | None]:
    names = [column.name for column in comparison.columns]
    pairs = [(comparison.read(*a), comparison.read(*b)) for a, b in stated]
    pairs += [(b, a) for a, b in pairs]
    in_python = [
        level_of(comparison, dict(zip(names, a, strict=True)), dict(zip(names, b, strict=True)))
        for a, b in pairs
    ]
    in_sql = levels_in_sql(comparison, pairs)
    for (a, b), one, other in zip(pairs, in_python, in_sql, strict=True):
        assert one == other, f"{a} and {b}: Python says {one}, SQL says {other}"
    half = len(pairs) // 2
    assert in_python[:half] == in_python[half:], "a level depends on which record comes first"
    return set(in_python)


def slip(text: str, draw: random.Random) -> str:
    """``text`` with a letter lost, doubled, mistaken or swapped."""
    if not text:
        return text
    i = draw.randrange(len(text))
    return draw.choice(
        (
            text[:i] + text[i + 1 :],
            text[: i + 1] + text[i:],
            text[:i] + draw.choice("aeéóßx19 -") + text[i + 1 :],
            text[:i] + text[i : i + 2][::-1] + text[i + 2 :],
        )
    )


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda c: c.name)
def test_sql_and_python_agree_on_what_silos_write(comparison: Comparison) -> None:
    draw = random.Random(20_26)  # noqa: S311
    stated = list(RARE.get(comparison.name, []))
    for _ in range(1_500):
        one = [draw.choice((None, *SAMPLES[column] * 3)) for column in comparison.inputs]
        if draw.random() < 0.4:  # a source that states one field only
            alone = draw.randrange(len(one))
            one = [value if i == alone else None for i, value in enumerate(one)]
        other = list(one)
        for i, column in enumerate(comparison.inputs):
            kind = draw.random()
            if kind < 0.35:
                other[i] = draw.choice((None, *SAMPLES[column]))
            elif kind < 0.7 and one[i]:
                other[i] = slip(one[i], draw)
        stated.append((one, other))
    seen = assert_agree(comparison, stated)
    missing = {level.key for level in comparison.levels} | {"else", None}
    if comparison.name == "record_kind":  # there are two kinds
        missing.remove("else")
    assert not missing - seen, f"no sample stands on {missing - seen}"


@st.composite
def _stated_pairs(draw: st.DrawFn, comparison: Comparison) -> list[tuple[Any, Any]]:
    value = [
        st.none()
        | st.sampled_from(SAMPLES[column])
        | st.text(max_size=12)
        | st.text(alphabet="abeéijnr .-1", max_size=9)
        for column in comparison.inputs
    ]
    record = st.tuples(*value)
    return draw(st.lists(st.tuples(record, record), min_size=1, max_size=30))


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda c: c.name)
def test_sql_and_python_agree_on_any_text(comparison: Comparison) -> None:
    @settings(max_examples=8, deadline=None)
    @given(_stated_pairs(comparison))
    def check(stated: list[tuple[Any, Any]]) -> None:
        assert_agree(comparison, stated)

    check()


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda c: c.name)
@pytest.mark.parametrize(
    "text",
    ["", " ", "🎉", "a", "٣", "²", "\x00", "\ud800", "a\ud800bcdef@example.com",
     "Ω" * 10_000, "1" * 10_000, "a " * 5_000,
     "@" * 10_000, "-" * 10_000, "(" * 10_000, "né-" * 3_000, "1/1/1" * 2_000, "ﬃ", "İ", "ǆ"],
    ids=lambda text: ascii(text[:6]),
)  # fmt: skip
def test_no_text_makes_a_reading_fail(comparison: Comparison, text: str) -> None:
    read = comparison.read(*[text] * len(comparison.inputs))
    assert len(read) == len(comparison.columns)
    assert read == comparison.read(*[text] * len(comparison.inputs))
    for value in read:
        assert value is None or value != ""
        if isinstance(value, str):
            assert value.encode()


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda c: c.name)
def test_a_comparison_keeps_to_its_interface(comparison: Comparison) -> None:
    names = [column.name for column in comparison.columns]
    assert set(comparison.inputs) <= set(STATED)
    assert all(name.startswith(comparison.name) for name in names)
    assert len(set(names)) == len(names)
    assert set(comparison.said) <= set(names)
    assert comparison.said
    keys = [level.key for level in comparison.levels]
    assert len(set(keys)) == len(keys)
    assert "else" not in keys
    assert {level.rarity for level in comparison.levels} <= {*names, ""}
    assert comparison.read(*[None] * len(comparison.inputs)) == (None,) * len(names)


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda c: c.name)
def test_records_on_a_level_with_rarity_have_the_same_value_there(comparison: Comparison) -> None:
    draw = random.Random(7)  # noqa: S311
    names = [column.name for column in comparison.columns]
    for _ in range(400):
        one = [draw.choice((None, *SAMPLES[column])) for column in comparison.inputs]
        other = [value if draw.random() < 0.6 else draw.choice(SAMPLES[column])
                 for value, column in zip(one, comparison.inputs, strict=True)]  # fmt: skip
        a = dict(zip(names, comparison.read(*one), strict=True))
        b = dict(zip(names, comparison.read(*other), strict=True))
        key = level_of(comparison, a, b)
        for level in comparison.levels:
            if level.key == key and level.rarity:
                assert a[level.rarity] is not None
                assert a[level.rarity] == b[level.rarity]


def test_the_matters_are_known_by_stable_names() -> None:
    assert [comparison.name for comparison in COMPARISONS][:11] == [
        "name", "birth", "email", "phone", "address", "loyalty_card", "national_id", "iban",
        "customer_number", "device", "gender",
    ]  # fmt: skip
