"""Identifiers written in different ways compare equal; different ones never do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.identifier_values import (
    clean_text,
    mailbox,
    normalise_email,
    normalise_identifier,
    normalise_loyalty_card,
    normalise_phone,
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("  Anna@Example.COM ", "anna@example.com"),
        ("ａｎｎａ@example.com", "anna@example.com"),  # full-width letters
        ("an\u200bna@example.com", "anna@example.com"),
        ("<anna@example.com>", "anna@example.com"),
        ("mailto:anna@example.com", "anna@example.com"),
        ("anna@münchen.de", "anna@xn--mnchen-3ya.de"),
        ("anna+shop@example.com", "anna+shop@example.com"),
        ("anna@localhost", None),
        ("anna@@example.com", None),
        ("anna example.com", None),
        ("anna..k@example.com", None),
        ("a" * 300 + "@example.com", None),
        ("", None),
    ],
)
def test_an_e_mail_address_has_one_written_form(written: str, expected: str | None) -> None:
    assert normalise_email(written) == expected


@pytest.mark.parametrize(
    ("written", "country", "expected"),
    [
        ("0470/12.34.56", "BE", "+32470123456"),
        ("+32 (0)470 12 34 56", "HU", "+32470123456"),
        ("0032470123456", "BE", "+32470123456"),
        ("0032470123456", None, "+32470123456"),
        ("06 30 123 4567", "HU", "+36301234567"),
        ("36301234567", "HU", "+36301234567"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("32470123456.0", "BE", "+32470123456"),
        ("0470 12 34 56", None, None),  # of which country?
        ("n/a", "BE", None),
        ("12", "BE", None),
    ],
)
def test_a_phone_number_is_read_as_dialled_in_its_country(
    written: str, country: str | None, expected: str | None
) -> None:
    assert normalise_phone(written, country) == expected


def test_a_loyalty_card_keeps_letters_and_digits_only() -> None:
    assert normalise_loyalty_card(" mk-0042 17 ") == "MK004217"
    assert normalise_loyalty_card("--") is None


def test_a_mailbox_follows_its_providers_rules() -> None:
    assert mailbox("a.n.na+x@googlemail.com") == "anna@gmail.com"
    assert mailbox("a.n.na+x@example.com") == "a.n.na+x@example.com"


def test_a_key_of_a_system_keeps_its_case() -> None:
    key = Identifier(kind="user_id", value=" Ab1 ", namespace="shop")
    normal = normalise_identifier(key)
    assert normal == Identifier(kind="user_id", value="Ab1", namespace="shop")
    assert normalise_identifier(
        Identifier(kind="phone", value="0470 12 34 56"), "BE"
    ) == Identifier(kind="phone", value="+32470123456")
    assert normalise_identifier(Identifier(kind="email", value="nobody")) is None


@given(st.text(), st.sampled_from(["email", "phone", "loyalty_card", "user_id"]))
def test_normalising_twice_changes_nothing_and_garbage_never_raises(text: str, kind: str) -> None:
    once = normalise_identifier(Identifier(kind=kind, value=text), "BE")
    if once is not None:
        assert normalise_identifier(once, "BE") == once


def test_text_is_cleaned_of_what_nobody_sees() -> None:
    assert clean_text(" Ge\u00adert\u00a0 Müller\u200b") == "Geert Müller"


@pytest.mark.parametrize(
    ("kind", "written", "expected"),
    [
        ("iban", " be68 5390 0754 7034 ", "BE68539007547034"),
        ("iban", "HU42 1177 3016 1111 1018 0000 0000", "HU42117730161111101800000000"),
        ("iban", "BE68 5390 0754 7035", None),  # a digit mistyped: the check says so
        ("iban", "539-0075470-34", None),  # of before 2008
        ("business_id", "BE 0403.170.701", "BE0403170701"),
        ("business_id", "0088:541 2345 000013", "0088:5412345000013"),
        ("business_id", "onbekend", None),
        ("social_handle", "@Anna_K", "anna_k"),
        ("social_handle", "@", None),
    ],
)
def test_accounts_companies_and_handles_have_one_written_form(
    kind: str, written: str, expected: str | None
) -> None:
    normal = normalise_identifier(Identifier(kind=kind, value=written))
    assert (None if normal is None else normal.value) == expected
