"""Phone numbers: the quick reading is held to the library's."""

from __future__ import annotations

import random

import pytest

from rapport.unify.matching.comparisons.phone import COMPARISON, read_phone
from rapport.vocabulary.identifier_values import normalise_phone
from tests.unify.matching.comparisons.readings import level

_PLANS = {
    "AT": ("43", "0"), "BE": ("32", "0"), "DE": ("49", "0"), "FR": ("33", "0"), "GB": ("44", "0"),
    "HU": ("36", "06"), "LU": ("352", ""), "NL": ("31", "0"),
}  # fmt: skip


@pytest.mark.parametrize("country", _PLANS)
def test_the_quick_reading_is_the_library_s(country: str) -> None:
    draw = random.Random(country)  # noqa: S311
    code, trunk = _PLANS[country]
    read = 0
    for _ in range(400):
        rest = "".join(draw.choice("0123456789") for _ in range(draw.randint(5, 12)))
        if len(set(rest[-7:])) == 1:
            continue
        national = f"{trunk}{rest[:2]}/{rest[2:]}"
        forms = (national, f"{trunk}{rest}", f"+{code}{rest}", f"00{code} {rest}", rest)
        form = draw.choice((*forms, f"+{code} (0){rest}"))
        expected = normalise_phone(form, country)
        if expected is not None:
            assert read_phone(form, country)[0] == expected, form
            read += 1
    assert read > 50


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("0470/12.34.56", "BE", "+32470123456"),
        ("+32 (0)470 12 34 56", None, "+32470123456"),
        ("0032470123456", "NL", "+32470123456"),
        ("02 123 45 67", "BE", "+3221234567"),
        ("06-12 34 56 78", "NL", "+31612345678"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("06 20 123 4567", "HU", "+36201234567"),
        ("06-1-234-5678", "HU", "+3612345678"),
        ("07700 900123", "GB", "+447700900123"),
        ("0170 1234567", "DE", "+491701234567"),
        ("621 123 456", "LU", "+352621123456"),
        ("0664 1234567", "AT", "+436641234567"),
        ("(702) 919-1300", "US", "+17029191300"),
        ("+39 0352 6553537", None, "+3903526553537"),
        ("32470123456.0", "BE", "+32470123456"),  # a spreadsheet's
        ("321-3212", None, "3213212"),
    ],
)
def test_a_number_is_read_as_dialled_in_its_country(
    text: str, country: str | None, expected: str
) -> None:
    assert read_phone(text, country)[0] == expected


@pytest.mark.parametrize("text", ["", "n/a", "0", "12345", "0000000000", "+32400000000", "🎉"])
def test_what_is_no_number_says_nothing(text: str) -> None:
    assert read_phone(text, "BE") == (None, None)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("0470/12.34.56", "+32470123456", "same_phone"),
        ("0470123456", "+31470123456", "same_tail"),  # the wrong country
        ("702-919-1300", "919-1300", "same_tail"),
        ("0470123456", "0470123457", "one_digit"),
        ("0470123456", "0470132456", "one_digit"),
        ("0470123456", "0486998877", "else"),
    ],
)
def test_numbers_stand_on_the_level_that_a_clerk_would_say(
    one: str, other: str, expected: str
) -> None:
    a, b = {"phone": one, "country": "BE"}, {"phone": other, "country": "BE"}
    assert level(COMPARISON, a, b) == expected
