"""The world of dirty businesses is as hard as a company's own files, and its truth is true."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import phonenumbers
import polars as pl
import pytest

from rapport.demo import business_numbers
from rapport.demo.business_world import make_companies, markets
from rapport.demo.dirty_companies import SILOS, dirty_companies

RECORDS = 12_000


@pytest.fixture(scope="module")
def records() -> pl.DataFrame:
    found = pl.from_arrow(dirty_companies(RECORDS))
    assert isinstance(found, pl.DataFrame)
    return found.with_columns(called=pl.coalesce("company", "name"))


@pytest.fixture(scope="module")
def businesses(records: pl.DataFrame) -> pl.DataFrame:
    """Records of businesses that name nobody."""
    return records.filter(pl.col("record_of") == "company")


def test_the_same_seed_gives_the_same_records_and_another_gives_others() -> None:
    assert dirty_companies(600, 3).equals(dirty_companies(600, 3))
    assert not dirty_companies(600, 3).equals(dirty_companies(600, 4))


# ── numbers: each rule written out from its publication, and held against published numbers ───


def _luhn(digits: str) -> bool:
    doubled = [int(d) * (2 if n % 2 else 1) for n, d in enumerate(reversed(digits))]
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0


def _belgian(digits: str) -> bool:
    return len(digits) == 10 and (int(digits[:8]) + int(digits[8:])) % 97 == 0


def _french_vat(value: str) -> bool:
    key, siren = value[2:4], value[4:]
    return len(siren) == 9 and _luhn(siren) and int(siren + "12") % 97 == int(key)


def _hungarian(digits: str) -> bool:
    weights = (9, 7, 3, 1, 9, 7, 3, 1)
    return (
        len(digits) == 8 and sum(w * int(d) for w, d in zip(weights, digits, strict=True)) % 10 == 0
    )


def _dutch_vat(value: str) -> bool:
    rsin = value[2:11]
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return (
        value[11:] == "B01"
        and sum(w * int(d) for w, d in zip(weights, rsin, strict=True)) % 11 == 0
    )


def _german_vat(value: str) -> bool:
    product = 10
    for digit in value[2:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (int(value[10]) + product) % 10 == 1


#: Made by, the rule, a published number, and the same with a slip.
CHECKS: list[tuple[str, Callable[[str], bool], str, str]] = [
    ("enterprise_numbers", _belgian, "0428759497", "0428759947"),
    ("french_vat_numbers", _french_vat, "FR46443121975", "FR46443121957"),
    ("hungarian_tax_numbers", _hungarian, "12892312", "12893212"),
    ("dutch_vat_numbers", _dutch_vat, "NL004495445B01", "NL004494545B01"),
    ("german_vat_numbers", _german_vat, "DE136695976", "DE136695967"),
]


@pytest.mark.parametrize(("made_by", "holds", "published", "slip"), CHECKS)
def test_numbers_pass_their_countrys_check_and_are_never_given_twice(
    made_by: str, holds: Callable[[str], bool], published: str, slip: str
) -> None:
    assert holds(published)
    assert not holds(slip)
    ends = np.array([0, 1, business_numbers.MOST - 1])
    serial = np.concatenate([ends, np.arange(7, business_numbers.MOST, 1999)])
    numbers = getattr(business_numbers, made_by)(serial).to_pylist()
    assert len(set(numbers)) == len(serial)
    assert all(map(holds, numbers))


def test_an_establishments_number_holds_that_of_its_company() -> None:
    serial, establishment = np.array([5, 5, 6]), np.array([1, 2, 1])
    numbers = business_numbers.sirets(serial, establishment).to_pylist()
    assert all(len(number) == 14 and _luhn(number) and _luhn(number[:9]) for number in numbers)
    assert numbers[0][:9] == numbers[1][:9] != numbers[2][:9]
    assert len(set(numbers)) == 3


def test_the_numbers_that_silos_keep_are_right_but_for_slips(records: pl.DataFrame) -> None:
    finance = records.filter(
        (pl.col("source") == "finance") & (pl.col("country") == "BE")
    )["business_id"].drop_nulls()  # fmt: skip
    right = [_belgian(re.sub(r"\D", "", value).zfill(10)) for value in finance]
    assert len(right) > 500
    assert 0.95 < np.mean(right) < 1.0
    assert len({re.sub(r"\d", "9", value) for value in finance}) > 4  # ways to write it


# ── what makes it hard ─────────────────────────────────────────────────────────────────────────


def test_a_business_is_written_in_many_ways(businesses: pl.DataFrame) -> None:
    often = businesses.group_by("company_id").agg(
        pl.len(), pl.col("called").n_unique().alias("ways")
    )
    often = often.filter(pl.col("len") >= 5)
    assert often["ways"].mean() > 3.5  # type: ignore[operator]
    forms = businesses.filter(pl.col("country") == "HU")["called"].str.extract(
        r"(?i)(k\.?f\.?t\.?|korlátolt felelősségű társaság)$"
    )
    assert len(set(forms.drop_nulls())) >= 5
    belgian = " ".join(businesses.filter(pl.col("country") == "BE")["called"].to_list())
    for form in ("BV", "BVBA", "SRL", "SPRL", "NV", "SA"):
        assert re.search(rf"\b{form}\b", belgian), form


def test_namesakes_of_one_trade_sit_in_two_towns(businesses: pl.DataFrame) -> None:
    plain = businesses.drop_nulls(["called", "city"]).with_columns(
        pl.col("called").str.to_lowercase(), pl.col("city").str.to_lowercase()
    )
    # Names of two words and more that two owners' businesses bear in two towns: no brand's, whose
    # names have no trade.
    several = (
        plain.filter(pl.col("called").str.contains(" "))
        .group_by("called", "country")
        .agg(pl.col("group_id").n_unique(), pl.col("city").n_unique())
        .filter((pl.col("group_id") > 1) & (pl.col("city") > 1))
    )
    assert several.height > 30
    brands = sum("snelprint" in name or "le panier" in name for name in several["called"])
    assert several.height - brands > 25


def test_a_franchise_is_a_brand_of_many_owners_with_one_domain() -> None:
    world = make_companies(markets(), 4000, np.random.default_rng(3))
    brand = world["brand"]
    biggest = np.flatnonzero(brand == np.bincount(brand[brand >= 0]).argmax())
    assert len(biggest) > 10
    assert len(set(world["group"][biggest].tolist())) == len(biggest)
    assert len(set(world["serial"][biggest].tolist())) == len(biggest)
    assert len(np.unique(world["town"][biggest])) > 5
    doors = {world["core"][4000 + int(one)].as_py() for one in biggest}
    assert len(doors) == 1
    domains = {world["domain"][int(one)].as_py() for one in biggest if world["own_domain"][one]}
    desks = [world["desk"][int(one)].as_py() for one in biggest]
    assert len(domains) == 1
    assert len(set(desks)) == len(desks)


def test_outside_a_group_and_a_brand_no_domain_has_two_owners() -> None:
    world = make_companies(markets(), 4000, np.random.default_rng(3))
    own = world["own_domain"] & (world["brand"] < 0)
    domains = np.array(world["domain"].to_pylist())[own]
    owners = world["group"][own]
    pairs = set(zip(domains.tolist(), owners.tolist(), strict=True))
    assert len(pairs) == len(set(domains.tolist()))


def test_daughters_are_businesses_of_their_own_beside_their_holding() -> None:
    world = make_companies(markets(), 4000, np.random.default_rng(3))
    daughters = np.flatnonzero(world["head"] != np.arange(4000))
    heads = world["head"][daughters]
    assert 0.02 < len(daughters) / 4000 < 0.08
    assert 0.6 < np.mean(world["home"][daughters] == world["home"][heads]) < 0.9
    assert np.mean(world["line"][daughters] == world["line"][heads]) > 0.5
    assert (world["group"][daughters] == world["group"][heads]).all()
    assert not np.intersect1d(world["serial"][daughters], world["serial"][heads]).size


def test_a_business_centre_has_many_tenants() -> None:
    world = make_companies(markets(), 4000, np.random.default_rng(3))
    tenants = world["home"][world["centre"] >= 0]
    assert np.unique(tenants, return_counts=True)[1].max() >= 4


# ── the truth ──────────────────────────────────────────────────────────────────────────────────


def test_a_contact_is_a_person_and_never_the_business(records: pl.DataFrame) -> None:
    contacts = records.filter(pl.col("record_of") == "contact")
    assert 0.15 < contacts.height / RECORDS < 0.35
    assert contacts["person_id"].null_count() == 0
    others = records.filter(pl.col("record_of") != "contact")
    assert others["person_id"].null_count() == others.height
    assert (others["entity_id"] == others["company_id"]).all()
    assert not set(contacts["entity_id"]) & set(others["entity_id"])
    # They use its domain and its mailboxes, so that these alone prove nothing.
    both = set(contacts["email"].drop_nulls()) & set(others["email"].drop_nulls())
    assert len(both) > 100


def test_a_few_contacts_act_for_two_businesses(records: pl.DataFrame) -> None:
    of = records.drop_nulls("person_id").group_by("person_id").agg(pl.col("company_id").n_unique())
    assert 0.002 < (of["company_id"] > 1).mean() < 0.05  # type: ignore[operator]


def test_a_sole_trader_is_the_business(records: pl.DataFrame) -> None:
    owners = records.filter(pl.col("record_of") == "owner")
    assert owners.height > 300
    assert (owners["entity_id"] == owners["company_id"]).all()
    assert (owners["last_name"].is_not_null() | owners["name"].is_not_null()).all()
    # Some name nothing but the person.
    assert owners.filter(pl.col("company").is_null()).height > 50


def test_silos_state_what_is_said_of_them(records: pl.DataFrame) -> None:
    for silo, (share, _, _, states) in SILOS.items():
        of = records.filter(pl.col("source") == silo)
        assert of.height / RECORDS == pytest.approx(share, abs=0.03)
        assert of["email"].is_not_null().mean() == pytest.approx(states["email"], abs=0.05)
        assert of["phone"].is_not_null().mean() == pytest.approx(states["phone"], abs=0.05)
    wholly = records.filter(pl.col("source") == "finance")["called"].drop_nulls()
    assert 0.3 < (wholly == wholly.str.to_uppercase()).mean() < 0.5  # type: ignore[operator]
    assert wholly.str.len_chars().max() <= 35  # type: ignore[operator]


def test_markets_have_their_shares(records: pl.DataFrame) -> None:
    listed = markets()
    assert sum(market.share for market in listed) == pytest.approx(1.0)
    said = records.unique("company_id")["country"].value_counts(normalize=True)
    for country, share in said.iter_rows():
        whole = sum(market.share for market in listed if market.country == country)
        assert share == pytest.approx(whole, abs=0.04)


def test_telephone_numbers_are_of_their_countrys_plan(records: pl.DataFrame) -> None:
    said = records.drop_nulls("phone").head(1500).select("phone", "country").iter_rows()
    right = [
        phonenumbers.is_possible_number(phonenumbers.parse(phone, country))
        for phone, country in said
    ]
    assert np.mean(right) > 0.97
