"""Numbers that are one person's: cards, national numbers, accounts, customers, devices; gender."""

from __future__ import annotations

import pytest

from rapport.unify.matching.comparison import Comparison
from rapport.unify.matching.comparisons import (
    customer_number,
    device,
    gender,
    iban,
    loyalty_card,
    national_id,
)
from tests.unify.matching.comparisons.readings import level, read


@pytest.mark.parametrize(
    ("comparison", "column", "one", "other", "expected"),
    [
        (loyalty_card.COMPARISON, "loyalty_card", "lc-4521 987", "LC4521987", "same_card"),
        (loyalty_card.COMPARISON, "loyalty_card", "LC4521987", "LC4521978", "card_typo"),
        (loyalty_card.COMPARISON, "loyalty_card", "LC4521987", "LC452198", "card_typo"),
        (loyalty_card.COMPARISON, "loyalty_card", "LC4521987", "LC9971012", "else"),
        (loyalty_card.COMPARISON, "loyalty_card", "17", "18", "else"),  # too short for a slip
        (loyalty_card.COMPARISON, "loyalty_card", "LC4521987", "--", None),
        (national_id.COMPARISON, "national_id", "294-66-9999", "294669999", "same_number"),
        (national_id.COMPARISON, "national_id", "294-66-9999", "294-66-9989", "number_typo"),
        (national_id.COMPARISON, "national_id", "294-66-9999", "293-90-9090", "else"),
        # A passport's number does not deny a tax number: one person has both.
        (national_id.COMPARISON, "national_id", "294-66-9999", "1231345345", "not_comparable"),
        (national_id.COMPARISON, "national_id", "294-66-9999", "EK1234567", "not_comparable"),
        (national_id.COMPARISON, "national_id", "EH1234567", "EK7654321", "else"),
        (national_id.COMPARISON, "national_id", "000-00-0000", "000-00-0000", None),
        (iban.COMPARISON, "iban", "BE68 5390 0754 7034", "be68539007547034", "same_account"),
        (iban.COMPARISON, "iban", "BE68 5390 0754 7034", "NL91 ABNA 0417 1643 00", "else"),
        (iban.COMPARISON, "iban", "cash", "cash", None),
        (device.COMPARISON, "device_id", " d0d87a", "d0d87a ", "same_device"),
        (device.COMPARISON, "device_id", "d0d87a", "D0D87A", "else"),  # case may matter
        (device.COMPARISON, "device_id", "d0d87a", " ", None),
    ],
)
def test_identifiers_stand_on_the_level_that_a_clerk_would_say(
    comparison: Comparison, column: str, one: str, other: str, expected: str | None
) -> None:
    assert level(comparison, {column: one}, {column: other}) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("crm", "C-17"), ("crm", " C-17"), "same_number"),
        (("crm", "C-17"), ("web", "C-17"), "same_number_elsewhere"),
        (("crm", "C-17"), ("web", "99"), "other_source"),  # no contradiction
        (("crm", "C-17"), ("crm", "C-18"), "else"),
        ((None, "C-17"), (None, "C-18"), "else"),
        (("crm", None), ("crm", "C-18"), None),
    ],
)
def test_a_customer_number_counts_within_its_source(
    one: tuple[str | None, str | None], other: tuple[str | None, str | None], expected: str | None
) -> None:
    a, b = ({"source": source, "customer_number": number} for source, number in (one, other))
    assert level(customer_number.COMPARISON, a, b) == expected


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("M", "BE", "m"), ("Male", "GB", "m"), ("man", "NL", "m"), ("H", "FR", "m"),
        ("Homme", "FR", "m"), ("Monsieur", "BE", "m"), ("férfi", "HU", "m"), ("Herr", "DE", "m"),
        ("de heer", "NL", "m"), ("Dhr.", "NL", "m"), ("männlich", "DE", "m"), ("1", "BE", "m"),
        ("F", "BE", "f"), ("V", "NL", "f"), ("vrouw", "NL", "f"), ("Mevr.", "BE", "f"),
        ("Femme", "FR", "f"), ("Mme", "FR", "f"), ("nő", "HU", "f"), ("N", "HU", "f"),
        ("Frau", "DE", "f"), ("w", "DE", "f"), ("Ms", "GB", "f"), ("2", "BE", "f"),
        ("x", "BE", "x"), ("divers", "DE", "x"), ("non-binaire", "FR", "x"), ("Autre", "FR", "x"),
        ("F", "HU", None),  # férfi or female
        ("unknown", "GB", None), ("", "BE", None), ("0", "BE", None), ("9", "BE", None),
        ("M/F", "BE", None), ("🎉", "BE", None),
    ],
)  # fmt: skip
def test_gender_is_read_in_five_languages(text: str, country: str, expected: str | None) -> None:
    assert read(gender.COMPARISON, {"gender": text, "country": country})["gender"] == expected
