"""What a value may be to be of use."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rapport.vocabulary.value_checks import is_moment, is_valid

AT = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "country", "good"),
    [
        ("email", "anna.kovacs@kadar.example", None, True),
        ("email", "anna at kadar", None, False),
        ("phone", "06 30 123 4567", "HU", True),
        ("phone", "06 30 123", "HU", False),
        ("phone", "0470 12 34 56", None, False),
        ("phone", "+32 470 12 34 56", None, True),
        ("birthday", "1985-02-28", None, True),
        ("birthday", "1985-02-30", None, False),
        ("birthday", "1900-01-01", None, False),
        ("birthday", "2030-01-01", None, False),
        ("postal_code", "1011", "HU", True),
        ("postal_code", "1011 AB", "NL", True),
        ("postal_code", "75011", "FR", True),
        ("postal_code", "99011", "FR", False),
        ("postal_code", "SW1A 1AA", "GB", True),
        ("postal_code", "–", "JP", False),
        ("country", "BE", None, True),
        ("country", "Syldavie", None, False),
        ("country", "ZZ", None, False),
        ("language", "hu", None, True),
        ("language", "nl-BE", None, True),
        ("language", "klingon", None, False),
        ("gender", "female", None, True),
        ("gender", "7", None, False),
        ("city", "Saint-Étienne", None, True),
        ("city", "1000", None, False),
        ("name", "<script>alert(1)</script>", None, False),
        ("name", "Őry Ödön", None, True),
        ("company", "n/a", None, False),
        ("company", "=HYPERLINK(1)", None, False),
        ("company", "3M", None, True),
        ("created_at", "2024-01-01T00:00:00+00:00", None, True),
        ("created_at", "2124-01-01T00:00:00+00:00", None, False),
        ("created_at", "yesterday", None, False),
    ],
)
def test_a_value_passes_the_check_of_its_field(
    name: str, value: str, country: str | None, good: bool
) -> None:
    assert is_valid(name, value, country=country, at=AT) is good


def test_nothing_happened_long_after_it_was_told() -> None:
    assert is_moment(datetime(2026, 11, 21, 20, tzinfo=UTC), AT)
    assert not is_moment(datetime(2026, 11, 23, tzinfo=UTC), AT)
    assert not is_moment(datetime(1970, 1, 1, tzinfo=UTC), AT)
