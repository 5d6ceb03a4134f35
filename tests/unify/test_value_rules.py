"""Which value wins under a rule of the company, and what is proven of values."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from rapport.engines.ledger import Ledger
from rapport.errors import Conflict, InvalidInput
from rapport.unify.proofs import Proof, register_proofs
from rapport.unify.sighting import sighting_of
from rapport.unify.survivorship import ProfileFacts, survive
from rapport.unify.value_rules import (
    Rules,
    ValueRule,
    checked_rule,
    preferring,
    rules_in_force,
    switch_rule,
    withdraw_rule,
)
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.profile import Fact
from tests.touchpoints import email, touchpoint
from tests.unify.sightings import NOON

KINDS = {1: "crm_contact", 2: "user_id", 3: "loyalty_card", 4: "email"}


def said(atom: int, source: str, name: str, value: str, days: int = 0) -> Fact:
    return Fact(
        name=name, value=value, source=source, observed_at=NOON + timedelta(days=days), atom_id=atom
    )


def under(name: str, rule: ValueRule | None, *facts: Fact, **more: Any) -> ProfileFacts:
    rules = Rules().having(name, rule)
    return survive("p", facts, KINDS, more.pop("pins", {}), rules=rules, **more)


BIRTHDAYS = (
    said(1, "crm", "birthday", "1980-02-01"),
    said(2, "web", "birthday", "1980-01-02", days=900),
    said(3, "loyalty", "birthday", "1981-02-01", days=901),
)


def test_without_a_rule_values_are_weighed_and_with_one_its_criteria_decide_in_turn() -> None:
    usual = under("birthday", None, *BIRTHDAYS)
    assert usual.shown["birthday"].source == "loyalty"
    crm = under("birthday", ValueRule(by=("preferred",), sources=("crm", "web", "loyalty")),
                *BIRTHDAYS)  # fmt: skip
    assert (crm.shown["birthday"].source, crm.conflicts[0].rule) == ("crm", "preferred_silo")
    measured = ValueRule(by=("trusted",), trust={"crm": 0.4, "web": 0.9, "loyalty": 0.6})
    assert under("birthday", measured, *BIRTHDAYS).shown["birthday"].source == "web"
    recent = under("birthday", ValueRule(by=("recent",)), *BIRTHDAYS)
    assert (recent.shown["birthday"].source, recent.conflicts[0].rule) == ("loyalty", "most_recent")


def test_to_prefer_one_silo_to_another_says_nothing_of_a_third() -> None:
    rule = preferring(ValueRule(by=("weighed",)), "crm", "web")
    known = under("birthday", rule, *BIRTHDAYS)
    assert known.shown["birthday"].source == "loyalty"  # weighed as before against the CRM
    assert known.sides["birthday"].decided == {2}  # the web alone was put aside
    assert under("birthday", rule, *BIRTHDAYS[:2]).shown["birthday"].source == "crm"


def test_a_value_that_works_beats_one_that_bounces_whoever_states_it() -> None:
    facts = (
        said(1, "crm", "email", "old@mail.be", days=30),
        said(2, "web", "email", "New@mail.be"),
    )
    proofs = [
        ("email", "new@mail.be", Proof(proof="clicked", proven_at=NOON)),
        ("email", "old@mail.be", Proof(proof="opened", proven_at=NOON, failure="bounced",
                                       failed_at=NOON + timedelta(days=1))),
    ]  # fmt: skip
    assert under("email", None, *facts, proofs=proofs).shown["email"].source == "crm"
    known = under("email", ValueRule(by=("verified", "recent")), *facts, proofs=proofs)
    assert (known.shown["email"].value, known.conflicts[0].rule) == ("New@mail.be", "verified")
    assert known.proven["email"]["old@mail.be"].standing == -1


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("street", "Av. des Tilleuls 188", "Avenue des Tilleuls 188", True),
        ("street", "110 bis r. Jules Ferry", "110bis, rue Jules Ferry", True),
        ("street", "110 bis rue Jules Ferry", "110 ter rue Jules Ferry", False),
        ("street", "110 bis rue Jules Ferry", "110 rue Jules Ferry", False),
        ("street", "55 r. des Écoles", "55 rue des Écoles", True),
        ("street", "Beukenln. 22", "Beukenlaan 22", True),
        ("street", "Beukenlaan 22 bus 3", "Beukenlaan 22 bus 4", False),
        ("street", "Beukenlaan 22", "Beukenlaan 23", False),
        ("city", "Anvers", "Antwerpen", True),
        ("postal_code", "B-9000", "9000", True),
        ("email", "an+shop@mail.be", "AN@mail.be", True),
        ("name", "Sarah G.", "Geerts Sarah", True),
        ("name", "Sarah M.", "Geerts Sarah", False),
        ("name", "S. G.", "Geerts Sarah", False),  # could be anybody
    ],
)
def test_ways_of_writing_one_value_are_no_conflict(
    name: str, one: str, other: str, same: bool
) -> None:
    known = under(name, None, said(1, "crm", name, one), said(2, "web", name, other))
    assert (known.conflicts == ()) is same


def test_what_is_not_well_formed_wins_by_no_rule() -> None:
    facts = (said(1, "crm", "email", "nobody", days=30), said(2, "web", "email", "a@mail.be"))
    for by in ("recent", "trusted", "frequent"):
        assert under("email", ValueRule(by=(by,)), *facts).shown["email"].source == "web"


def test_a_rule_of_the_address_takes_all_of_it_from_one_record() -> None:
    facts = (
        said(1, "crm", "postal_code", "9000", days=3), said(1, "crm", "street", "Veldstraat 1"),
        said(1, "crm", "city", "Gent"),
        said(2, "web", "postal_code", "1000"), said(2, "web", "street", "Wetstraat 2", days=9),
        said(2, "web", "city", "Brussel"),
    )  # fmt: skip
    rule = ValueRule(by=("preferred",), sources=("web", "crm"))
    shown = under("address", rule, *facts).shown
    assert [shown[n].value for n in ("street", "postal_code", "city")] == [
        "Wetstraat 2", "1000", "Brussel",
    ]  # fmt: skip


def test_a_pinned_value_stands_above_every_rule() -> None:
    pin = said(0, "user:sofie@kadar.example", "birthday", "1981-02-01")
    rule = ValueRule(by=("preferred",), sources=("crm", "web", "loyalty"))
    known = under("birthday", rule, *BIRTHDAYS, pins={"birthday": pin})
    assert (known.shown["birthday"], known.conflicts[0].rule) == (pin, "pinned")
    assert [f.source for f in known.sides["birthday"].right] == ["loyalty"]
    assert known.sides["birthday"].decided == {1, 2}


def test_preferring_puts_a_silo_before_another_and_leaves_the_rest_in_order() -> None:
    rule = ValueRule(by=("recent",), sources=("web", "erp", "crm"))
    assert preferring(rule, "crm", "erp").sources == ("web", "crm", "erp")
    assert preferring(rule, "web", "till").sources == ("web", "erp", "crm", "till")
    assert preferring(rule, "crm", "erp").by == ("preferred", "recent")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("interests", ValueRule(by=("recent",))),
        ("street", ValueRule(by=("recent",))),
        ("email", ValueRule(by=())),
        ("email", ValueRule(by=("loudest",))),
        ("email", ValueRule(by=("trusted",), trust={"crm": 87.0})),
    ],
)
def test_a_rule_that_says_nothing_that_can_be_asked_is_refused(name: str, rule: ValueRule) -> None:
    with pytest.raises(InvalidInput):
        checked_rule(name, rule)


def test_a_rule_that_is_taken_back_gives_way_to_the_one_before_it(ledger: Ledger) -> None:
    first, second = ValueRule(by=("recent",)), ValueRule(by=("verified", "recent"))
    with ledger.write() as connection:
        for rule in (first, second):
            switch_rule(connection, "email", rule, author="a@x.example", reason="so", changed={},
                        at=NOON + timedelta(days=len(rule.by)))  # fmt: skip
    with ledger.read() as connection:
        assert rules_in_force(connection).of("email") == second
        [number] = connection.scalars(
            select(t.value_rule.c.rule_id).where(t.value_rule.c.ended_at.is_(None))
        )
    with ledger.write() as connection:
        later = NOON + timedelta(days=5)
        withdraw_rule(connection, number, author="b@x.example", reason="no", at=later)
        assert rules_in_force(connection).of("email") == first
        with pytest.raises(Conflict):
            withdraw_rule(connection, number, author="b@x.example", reason="no", at=later)


# ── proofs ─────────────────────────────────────────────────────────────────────────────────────


def proven(ledger: Ledger, *events: tuple[str, int, dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    told = []
    for number, (kind, days, fields) in enumerate(events):
        each = touchpoint(
            f"e{number}", type=kind, record=email("An@Mail.be"),
            occurred_at=NOON + timedelta(days=days), **fields,
        )  # fmt: skip
        sighting = sighting_of(each, number)
        assert sighting is not None
        told.append((each, sighting))
    for each in told:  # one by one, so that what is stored must be put together with what comes
        with ledger.write() as connection:
            register_proofs(connection, ledger, [each])
    p = t.value_proof.c
    with ledger.read() as connection:
        rows = connection.execute(
            select(p.name, p.value, p.proof, p.proven_at, p.failure, p.failed_at)
        ).all()
    return {row[1]: tuple(row[2:]) for row in rows}


def test_the_latest_success_and_the_latest_failure_are_kept_in_any_order(ledger: Ledger) -> None:
    events = [
        (v.MESSAGE_CLICKED, 5, {"channel": "email"}),
        (v.MESSAGE_OPENED, 2, {"channel": "email"}),
        (v.MESSAGE_BOUNCED, 9, {"channel": "email"}),
        (v.MESSAGE_BOUNCED, 12, {"channel": "email", "properties": {"status": "4.2.2"}}),
        (v.MESSAGE_SENT, 20, {"channel": "email"}),
    ]
    days = timedelta(days=1)
    assert proven(ledger, *events[::-1]) == {
        "an@mail.be": ("clicked", NOON + 5 * days, "bounced", NOON + 9 * days)
    }


def test_a_full_mailbox_or_a_message_that_was_only_sent_proves_nothing(ledger: Ledger) -> None:
    soft = {"channel": "email", "properties": {"status": "4.2.2"}}
    assert proven(ledger, (v.MESSAGE_BOUNCED, 1, soft), (v.MESSAGE_SENT, 1, {})) == {}


def test_a_payment_proves_the_name_that_the_bank_states(ledger: Ledger) -> None:
    found = proven(ledger, (v.PAYMENT_RECEIVED, 1, {"traits": {"name": "PEETERS AN"}}))
    assert found["PEETERS AN"][0] == "paid"
