"""Whose word agrees with the others'."""

from __future__ import annotations

from datetime import UTC, datetime

from rapport.unify.agreement import agreements
from rapport.vocabulary.profile import Fact

AT = datetime(2026, 11, 1, tzinfo=UTC)
KINDS = {1: "crm_contact", 2: "loyalty_card", 3: "email", 4: "anonymous_id"}


def fact(atom: int, source: str, name: str, value: str) -> Fact:
    return Fact(name=name, value=value, source=source, observed_at=AT, atom_id=atom)


def test_the_majority_of_silos_is_right_whoever_is_trusted_more() -> None:
    found = agreements(
        [
            fact(1, "crm", "city", "Gent"),
            fact(2, "loyalty", "city", "Luik"),
            fact(3, "webshop", "city", "luik"),
        ],
        KINDS,
    )
    assert found == {("crm", "city"): False, ("loyalty", "city"): True, ("webshop", "city"): True}


def test_of_a_tie_the_more_trusted_record_is_right() -> None:
    found = agreements([fact(4, "web", "language", "fr"), fact(1, "crm", "language", "nl")], KINDS)
    assert found == {("crm", "language"): True, ("web", "language"): False}


def test_one_silo_alone_agrees_with_nobody_and_ways_of_writing_do_not_count() -> None:
    found = agreements(
        [
            fact(1, "crm", "city", "Gent"),
            fact(1, "crm", "phone", "+32 470 12 34 56"),
            fact(2, "loyalty", "phone", "+32470123456"),
            fact(1, "crm", "first_name", "Zoë"),
            fact(1, "crm", "last_name", "Peeters"),
            fact(2, "loyalty", "name", "PEETERS Zoe"),
            fact(1, "crm", "preferred_store", "Gent"),
            fact(2, "loyalty", "preferred_store", "Luik"),
        ],
        KINDS,
    )
    assert found == {
        ("crm", "phone"): True,
        ("loyalty", "phone"): True,
        ("crm", "name"): True,
        ("loyalty", "name"): True,
    }
