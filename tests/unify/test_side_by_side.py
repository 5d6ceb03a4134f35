"""Two people's values side by side: the mark says what matching says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rapport.unify.side_by_side import Standing, beside_of, can_be_read, stand
from rapport.vocabulary.profile import Fact

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def said(name: str, *values: str, atom: int = 1) -> list[Fact]:
    return [
        Fact(name=name, value=value, source="crm", observed_at=NOON, atom_id=atom)
        for value in values
    ]


def compared(name: str, left: list[Fact], right: list[Fact], *also: Fact) -> Standing:
    return stand(name, left, right, beside=beside_of([*left, *right, *also]))


@pytest.mark.parametrize(
    ("name", "one", "two", "mark", "level"),
    [
        ("name", "Nico Dubois", "Nicolas Dubois", "alike", "nickname"),
        ("name", "N. Dubois", "Nicolas Dubois", "alike", "initial"),
        ("name", "Dubois Nicolas", "Nicolas Dubois", "same", "same_words"),
        ("name", "An Dubois", "Nicolas Dubois", "different", "same_family"),
        ("name", "Els Maes", "Nicolas Dubois", "different", "else"),
        ("birthday", "1980-02-01", "1980-01-02", "alike", "day_and_month_swapped"),
        ("birthday", "1980-02-01", "1980-02-07", "alike", "one_digit"),
        ("birthday", "1980-02-01", "1975-07-12", "different", "else"),
        ("email", "an@gmial.com", "an@gmail.com", "alike", "same_mailbox_domain_typo"),
        ("email", "an@gmail.com", "bert@work.be", "different", "else"),
        ("loyalty_card", "MK123456", "MK123457", "alike", "card_typo"),
        ("phone", "+32478123456", "+32478123457", "alike", "one_digit"),
        ("city", "Gent", "Gand", "same", "same_city"),
        ("city", "Gent", "Aalst", "different", None),
        ("city", "Saint-Étienne", "Saint-Étiene", "alike", "near_place"),
        ("street", "Kerkstraat 12", "Kerkstr. 12", "same", "same_street_and_number"),
        ("street", "Kerkstraat 12", "Dorpsstraat 9", "different", None),
        ("postal_code", "9000", "9001", "different", None),
        ("company", "Acme N.V.", "Acme NV", "same", "same_name"),
        ("gender", "female", "male", "different", "else"),
        ("name", "A", "B", "different", None),
    ],
)
def test_a_mark_follows_the_level_that_matching_finds(
    name: str, one: str, two: str, mark: str, level: str | None
) -> None:
    found = compared(name, said(name, one), said(name, two, atom=2))
    assert (found.mark, found.level) == (mark, level)
    back = compared(name, said(name, two, atom=2), said(name, one))
    assert (back.mark, back.level) == (mark, level)


def test_two_generations_are_two_people_whatever_a_weight_says() -> None:
    found = compared("name", said("name", "Jan Maes sr."), said("name", "Jan Maes jr.", atom=2))
    assert (found.mark, found.level) == ("different", "other_generation")


def test_of_many_values_the_most_alike_two_decide_and_are_named() -> None:
    one = said("email", "x@work.be", "an.maes@gmail.com")
    two = said("email", "other@shop.be", "an.maes@gmial.com", atom=2)
    found = compared("email", one, two)
    assert found.mark == "alike"
    assert (found.left, found.right) == (one[1], two[1])


def test_a_number_without_its_country_is_read_in_the_country_of_its_record() -> None:
    one, two = said("phone", "0478 12 34 56"), said("phone", "+32 478 12 34 56", atom=2)
    assert compared("phone", one, two).level == "same_tail"
    found = compared("phone", one, two, *said("country", "BE"))
    assert (found.mark, found.level) == ("same", "same_phone")


def test_a_street_is_found_elsewhere_only_where_the_place_agrees() -> None:
    one, two = said("street", "Kerkstrat 12"), said("street", "Kerkstraat 12", atom=2)
    place = [*said("postal_code", "9000"), *said("postal_code", "9000", atom=2)]
    assert compared("street", one, two, *place).mark == "alike"
    other = [*said("postal_code", "9000"), *said("postal_code", "1050", atom=2)]
    assert compared("street", one, two, *other).mark == "different"


def test_two_towns_a_letter_apart_are_two_where_their_postcodes_are() -> None:
    one, two = said("city", "Saint-Étienne"), said("city", "Saint-Étiene", atom=2)
    for code, mark in (("42000", "alike"), ("59000", "different")):
        places = [*said("postal_code", "42000"), *said("postal_code", code, atom=2)]
        assert compared("city", one, two, *places).mark == mark


def test_what_only_one_of_them_says_is_said_to_be_so() -> None:
    assert compared("city", said("city", "Gent"), []).mark == "one_sided"


@pytest.mark.parametrize(
    ("name", "value", "counts"),
    [
        ("email", "an@gmail.com", True),
        ("email", "a" * 500, False),  # what is kept of 10 kB
        ("email", "an at home", False),
        ("phone", "call me", False),
        ("phone", "0478 12 34 56", True),
        ("name", "unknown", False),
        ("street", "Kerkstraat", True),  # nobody can say without its town
        ("postal_code", "9000", True),
    ],
)
def test_what_matching_cannot_read_is_known(name: str, value: str, counts: bool) -> None:
    country = Fact(name="country", value="BE", source="crm", observed_at=NOON, atom_id=1)
    (fact,) = said(name, value)
    assert can_be_read(name, fact, beside_of([fact, country])) is counts


def test_two_companies_are_compared_as_companies():
    one = said("name", "Scouts Sint-Jan vzw") + said("company", "Scouts Sint-Jan vzw")
    two = said("name", "Scouts St-Jan", atom=2) + said("company", "Scouts St-Jan", atom=2)
    assert compared("name", one[:1], two[:1], *one, *two).level == "slip"
    assert compared("company", one[1:], two[1:], *one, *two).mark == "alike"
    mails = said("email", "info@peeters.be"), said("email", "jan@peeters.be", atom=2)
    of_people = compared("email", *mails)
    of_companies = compared("email", *mails, *one, *two)
    assert (of_people.mark, of_people.level) == ("different", "else")
    assert (of_companies.mark, of_companies.level) == ("alike", "same_domain")


def test_a_person_who_names_a_company_is_compared_as_a_person():
    one = said("name", "Jan Maes") + said("company", "Peeters bvba")
    two = said("name", "Jan Maes", atom=2) + said("company", "Peeters bvba", atom=2)
    assert compared("name", one[:1], two[:1], *one, *two).level == "same_words"
