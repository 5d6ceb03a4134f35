"""What may stand in a quotation."""

from __future__ import annotations

import pytest

from rapport.privacy.redaction import redacted


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Write to an.maes@shop.example or @anmaes", "Write to […] or […]"),
        ("See https://shop.example/o/77?x=1 please", "See […] please"),
        ("Call +32 (0)470/12.34.56 after 17 uur", "Call […] after 17 uur"),
        ("Order W1024846, ticket #11252, card 5412 7534", "Order […], ticket […], card […]"),
        ("IBAN BE68 5390 0754 7034.", "IBAN […]."),
        ("16 days, 3 tents, 2 x 40 EUR", "16 days, 3 tents, 2 x 40 EUR"),
        ("", ""),
    ],
)
def test_what_reaches_a_person_is_left_out(text: str, left: str) -> None:
    assert redacted(text) == left


def test_given_names_are_left_out_in_every_spelling_and_ending() -> None:
    said = redacted("ESZTER here, Szabóné Eszternek szól. Ben jij er?", ["Szabó Eszter", None, "B"])
    assert said == "[…] here, […] […] szól. Ben jij er?"
    assert (
        redacted("An ant and Anna", ["An"]) == "[…] ant and Anna"
    )  # a short name is a word itself
