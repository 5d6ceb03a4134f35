"""Where silos contradict each other: found, ranked, settled once, and told to the silos."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.unify.value_rules import ValueRule
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.ledger_tables import audit, conflict, conflict_total, profile
from rapport.vocabulary.touchpoint import ConsentChange, Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.conflicts import ConflictLine, ConflictQuestion, conflicts_view
from rapport.workflows.customer import customer_360
from rapport.workflows.customer_changes import join_customers, undo
from rapport.workflows.import_files import import_file, prepare_mapping
from rapport.workflows.resolve import resolve_company
from rapport.workflows.settle_conflicts import reopen_conflict, settle_conflict
from rapport.workflows.tell_silos import corrections_download, corrections_for, silos_to_tell
from rapport.workflows.value_rules import (
    change_rule,
    preview_rule,
    rule_that_prefers,
    rules_view,
    undo_rule,
)
from tests.company import empty_company
from tests.customer_data import crm
from tests.touchpoints import START, email, keep, order, touchpoint

pytestmark = pytest.mark.slow  # whole companies: not before every commit

ACTOR = "sofie@kadar.example"
DAY = timedelta(days=1)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with empty_company(tmp_path, clock=lambda: START + 5 * DAY) as opened:
        yield opened


def seen(number: int, source: str, days: int = 0, **traits: str) -> Touchpoint:
    """What a silo states about person ``number``, whose e-mail address all silos know."""
    mail = email(f"an{number}@mail.be")
    record = crm(f"{source}-{number}") if source == "crm" else mail
    return touchpoint(
        f"{source}-{number}-{days}", source=source, channel="crm", type=v.RECORD_SEEN,
        record=record, identifiers=(record, mail), occurred_at=START + days * DAY,
        traits={"name": "An Peeters", **traits},
    )  # fmt: skip


def told(company: Company, *touchpoints: Touchpoint) -> None:
    keep(company, touchpoints)
    resolve_company(company)


def lines(company: Company, **asked: Any) -> tuple[ConflictLine, ...]:
    return conflicts_view(company, ConflictQuestion(**asked), reveal=True).lines


def birthday(company: Company, profile_id: str) -> str | None:
    fact = customer_360(company, profile_id, reveal=True).fact("birthday")
    return None if fact is None else fact.value


def sums_are_right(company: Company) -> None:
    """Sums that are kept with every change equal those counted from the rows."""
    c, s = conflict.c, conflict_total.c
    keys = ("kind", "name", "winner", "loser", "settled", "tier")
    with company.ledger.read() as connection:
        counted = connection.execute(
            select(*(c[k] for k in keys), func.count(), func.sum(c.value)).group_by(
                *(c[k] for k in keys)
            )
        ).all()
        kept = connection.execute(select(*(s[k] for k in keys), s.people, s.value)).all()
    assert sorted((*r[:6], int(r[6]), Decimal(r[7])) for r in counted) == sorted(
        (*r[:6], int(r[6]), Decimal(r[7])) for r in kept
    )


# ── what is found ──────────────────────────────────────────────────────────────────────────────


def shop_order(
    number: str, kind: str, source: str, amount: str, day: int, **more: Any
) -> Touchpoint:
    """What ``source`` says of an order, ``day`` days into a time long enough ago."""
    return touchpoint(
        f"{source}:{kind}:{number}:{day}", source=source, type=kind, order_id=number,
        currency="EUR", amount=Decimal(amount), record=email("an1@mail.be"),
        occurred_at=START + (day - 40) * DAY, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "events", "value"),
    [
        (
            "paid_cancelled",
            [("W1", v.PAYMENT_RECEIVED, "bank", "90"), ("w1", v.ORDER_CANCELLED, "shop", "90")],
            "90",
        ),
        (
            "returned_completed",
            [
                ("W1", v.ORDER_COMPLETED, "shop", "90"), ("W1", v.PAYMENT_RECEIVED, "bank", "90"),
                ("W1", v.PAYMENT_RETURNED, "bank", "-90"),
            ],
            "90",
        ),
        (
            "overpaid",
            [
                ("W1", v.ORDER_COMPLETED, "shop", "90"), ("W1", v.PAYMENT_RECEIVED, "bank", "90"),
                ("W1", v.PAYMENT_RECEIVED, "bank", "90"),
            ],
            "90",
        ),
        (
            "delivered_cancelled",
            [("W1", v.SHIPMENT_DELIVERED, "carrier", "0"), ("W1", v.ORDER_CANCELLED, "shop", "90")],
            "0",
        ),
    ],
)  # fmt: skip
def test_silos_that_contradict_each_other_about_an_order_come_first(
    company: Company, name: str, events: list[tuple[str, str, str, str]], value: str
) -> None:
    told(
        company,
        seen(1, "crm", birthday="1980-02-01"),
        seen(1, "web", birthday="1980-01-02"),
        *(
            shop_order(number, kind, source, amount, day)
            for day, (number, kind, source, amount) in enumerate(events)
        ),
    )
    first, second = lines(company)
    assert (first.kind, first.name, first.tier, first.value) == ("order", name, 1, Decimal(value))
    assert (second.kind, second.name) == ("attribute", "birthday")
    assert first.verified
    assert not second.verified


def test_finance_says_paid_and_the_contact_centre_says_owing(company: Company) -> None:
    ticket = shop_order("W1", v.TICKET_OPENED, "helpdesk", "0", 9,
                        properties={"payment_status": "Openstaand"})  # fmt: skip
    told(
        company,
        shop_order("W1", v.ORDER_COMPLETED, "shop", "90", 0),
        shop_order("W1", v.PAYMENT_RECEIVED, "bank", "90", 2),
        ticket,
    )
    [line] = lines(company)
    assert (line.name, line.winner, line.loser) == ("paid_owing", "bank", "helpdesk")
    assert (line.shown, line.other) == ("paid", "owing")
    [[told_helpdesk]] = corrections_for(company, "helpdesk")
    assert (told_helpdesk.record_kind, told_helpdesk.record_key) == ("order", "W1")
    assert (told_helpdesk.its_value, told_helpdesk.right_value) == ("owing", "paid")


def test_what_was_paid_back_or_is_another_person_s_order_is_no_contradiction(
    company: Company,
) -> None:
    told(
        company,
        shop_order("W1", v.PAYMENT_RECEIVED, "bank", "90", 0),
        shop_order("W1", v.ORDER_CANCELLED, "shop", "90", 1),
        shop_order("W1", v.ORDER_REFUNDED, "shop", "-90", 2),
        shop_order("1001", v.PAYMENT_RECEIVED, "till", "20", 3),
        touchpoint("x", source="shop", type=v.ORDER_CANCELLED, order_id="1001",
                   record=email("other@mail.be")),
    )  # fmt: skip
    assert lines(company) == ()


def test_a_bank_s_reference_beside_its_own_number_finds_the_order(company: Company) -> None:
    told(
        company,
        shop_order("W1", v.ORDER_CANCELLED, "shop", "90", 0),
        shop_order("+++000/1+++", v.PAYMENT_RECEIVED, "bank", "90", 1,
                   properties={"end_to_end": "W1"}),
    )  # fmt: skip
    assert [(x.name, x.item) for x in lines(company)] == [("paid_cancelled", "W1")]


def test_an_address_that_differs_is_worse_while_something_is_on_its_way(company: Company) -> None:
    home = {"street": "Veldstraat 1", "postal_code": "9000", "city": "Gent"}
    moved = {"street": "Wetstraat 2", "postal_code": "1000", "city": "Brussel"}
    told(company, seen(1, "crm", **home), seen(1, "web", days=1, **moved))
    [calm] = lines(company)
    assert (calm.name, calm.tier, calm.urgent) == ("address", 3, False)
    assert {calm.shown, calm.other} == {"Veldstraat 1, 9000 Gent", "Wetstraat 2, 1000 Brussel"}
    told(company, order("W9", "50", record=email("an1@mail.be"), occurred_at=START + 4 * DAY))
    [urgent] = lines(company)
    assert (urgent.tier, urgent.urgent, urgent.value) == (2, True, Decimal(50))
    later = Company(settings=company.settings, ledger=company.ledger, lake=company.lake,
                    clock=lambda: START + 60 * DAY)  # fmt: skip
    resolve_company(later)
    assert [(x.tier, x.urgent) for x in lines(later)] == [(3, False)]


def test_a_silo_that_thinks_it_may_still_write_does_harm(company: Company) -> None:
    yes, no = (ConsentChange(purpose="email_marketing", granted=said) for said in (True, False))
    told(
        company,
        touchpoint("c1", source="crm", record=email("an1@mail.be"), consents=(yes,)),
        touchpoint("c2", source="mail", record=email("an1@mail.be"), consents=(no,),
                   occurred_at=START + DAY),
    )  # fmt: skip
    [line] = lines(company)
    assert (line.kind, line.tier, line.loser, line.other) == ("consent", 2, "crm", "granted")
    with pytest.raises(InvalidInput, match="latest word"):
        settle_conflict(
            company, line.profile_id, kind="consent", name=line.name, loser="crm", right="other",
            author=ACTOR,
        )  # fmt: skip
    [[mend]] = corrections_for(company, "crm")
    assert (mend.attribute, mend.right_value) == ("consent.email_marketing", "withdrawn")


def test_two_addresses_of_which_one_bounces_are_proven(company: Company) -> None:
    first, second = seen(1, "crm"), seen(1, "web", days=1, email="an.new@mail.be")
    told(
        company, first, second,
        touchpoint("b", source="mail", channel="email", type=v.MESSAGE_BOUNCED,
                   record=email("an1@mail.be"), occurred_at=START + 2 * DAY),
        touchpoint("o", source="mail", channel="email", type=v.MESSAGE_CLICKED,
                   record=email("an.new@mail.be"), occurred_at=START + 3 * DAY),
    )  # fmt: skip
    found = [line for line in lines(company) if line.name == "email"]
    assert found
    assert {line.tier for line in found} == {2}
    assert {p for line in found for p in (line.shown_proof, line.other_proof)} >= {"bounced"}


# ── settling ───────────────────────────────────────────────────────────────────────────────────


def people(company: Company, count: int = 4) -> None:
    told(
        company,
        *(seen(n, "crm", birthday="1980-02-01") for n in range(count)),
        *(seen(n, "web", days=1, birthday="1980-01-02") for n in range(count)),
    )


def test_a_value_is_settled_once_with_who_and_why_and_taken_back(company: Company) -> None:
    people(company, 1)
    [line] = lines(company)
    before = birthday(company, line.profile_id)
    settle_conflict(company, line.profile_id, kind="attribute", name="birthday", loser=line.loser,
                    right="other", author=ACTOR, reason="asked by phone")  # fmt: skip
    assert birthday(company, line.profile_id) == line.other != before
    assert lines(company) == ()
    [settled] = lines(company, state="settled")
    assert settled.decided is not None
    assert (settled.settled, settled.decided.by, settled.why) == ("pin", ACTOR, "pinned")
    with company.ledger.read() as connection:
        [noted] = connection.execute(
            select(audit.c.actor, audit.c.details).where(audit.c.action == "conflict.settled")
        )
    assert (noted.actor, noted.details["reason"]) == (ACTOR, "asked by phone")
    reopen_conflict(company, line.profile_id, kind="attribute", name="birthday", author=ACTOR)
    assert birthday(company, line.profile_id) == before
    assert len(lines(company)) == 1
    sums_are_right(company)


def test_a_word_on_an_order_holds_until_the_silos_say_something_new(company: Company) -> None:
    told(
        company,
        shop_order("W1", v.PAYMENT_RECEIVED, "bank", "90", 0),
        shop_order("W1", v.ORDER_CANCELLED, "shop", "90", 1),
    )
    [line] = lines(company)
    settle_conflict(company, line.profile_id, kind="order", name="paid_cancelled", item="W1",
                    loser="shop", right="other", author=ACTOR, reason="paid in cash")  # fmt: skip
    [settled] = lines(company, state="settled")
    assert (settled.winner, settled.loser, settled.shown) == ("shop", "bank", "cancelled")
    assert settled.decided is not None
    assert settled.decided.reason == "paid in cash"
    [[mend]] = corrections_for(company, "bank")
    assert (mend.its_value, mend.right_value, mend.settled) == ("paid", "cancelled", "word")
    later = shop_order("W1", v.PAYMENT_RECEIVED, "bank", "5", 46)
    told(company, later)
    assert [(x.settled, x.value) for x in lines(company)] == [("", Decimal(95))]
    sums_are_right(company)


def test_a_rule_is_previewed_switched_on_and_taken_back(company: Company) -> None:
    people(company)
    [first, *_] = lines(company)
    loser, winner = first.loser, first.winner
    rule = rule_that_prefers(company, "birthday", loser, winner)
    preview = preview_rule(company, "birthday", rule)
    assert (preview.people, preview.changed, preview.settled, preview.low) == (4, 4, 4, 4)
    assert {(each.now, each.then) for each in preview.examples} == {(first.shown, first.other)}
    assert len(lines(company)) == 4  # nothing has changed yet

    done = change_rule(company, "birthday", rule, author=ACTOR, reason="the CRM asks for papers")
    assert done.expected == 4
    assert birthday(company, first.profile_id) == first.other
    settled = lines(company, state="settled")
    assert {(x.settled, x.why) for x in settled} == {("rule", "preferred_silo")}
    assert {x.decided.reason for x in settled if x.decided} == {"the CRM asks for papers"}
    assert silos_to_tell(company)[0].told == 4

    [kept] = rules_view(company).history
    undo_rule(company, kept.rule_id, author=ACTOR)
    assert birthday(company, first.profile_id) == first.shown
    assert len(lines(company)) == 4
    with pytest.raises(Conflict):
        undo_rule(company, kept.rule_id, author=ACTOR)
    sums_are_right(company)


def test_a_rule_may_name_only_silos_that_there_are(company: Company) -> None:
    people(company, 1)
    with pytest.raises(InvalidInput, match="no source 'erp'"):
        preview_rule(company, "birthday", ValueRule(by=("preferred",), sources=("erp", "crm")))
    with pytest.raises(InvalidInput, match="two or more"):
        preview_rule(company, "birthday", ValueRule(by=("preferred",), sources=("crm",)))


def test_a_preview_looks_at_a_sample_and_says_how_sure_it_is(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(company, 12)
    monkeypatch.setattr("rapport.workflows.value_rules.SAMPLE", 6)
    [first, *_] = lines(company)
    rule = rule_that_prefers(company, "birthday", first.loser, first.winner)
    preview = preview_rule(company, "birthday", rule)
    assert (preview.people, preview.looked_at, preview.expected) == (12, 6, 12)
    assert preview.low < 12 <= preview.high


# ── telling the silos ──────────────────────────────────────────────────────────────────────────


def test_a_silo_is_told_only_what_is_settled_or_proven(company: Company) -> None:
    people(company, 2)
    line, other = lines(company)
    assert list(corrections_for(company, line.loser)) == [[]]
    assert len([x for p in corrections_for(company, line.loser, everything=True) for x in p]) == 2
    settle_conflict(company, line.profile_id, kind="attribute", name="birthday", loser=line.loser,
                    right="shown", author=ACTOR)  # fmt: skip
    [[mend]] = corrections_for(company, line.loser)
    assert (mend.attribute, mend.its_value, mend.right_value) == (
        "birthday", line.other, line.shown,
    )  # fmt: skip
    assert mend.record_key
    assert mend.profile_id != other.profile_id
    with pytest.raises(NotFound):
        corrections_for(company, "nobody")


def test_the_file_for_a_silo_starts_no_formula(company: Company) -> None:
    told(
        company,
        seen(1, "crm", birthday="=HYPERLINK(1)"),
        seen(1, "web", days=1, birthday="1980-01-02"),
    )
    text = "".join(corrections_download(company, "crm", everything=True))
    [row] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert row["its_value"] == "'=HYPERLINK(1)"


# ── what is derived ────────────────────────────────────────────────────────────────────────────


def test_sums_stay_right_through_merges_splits_and_rules(company: Company) -> None:
    draw = random.Random(7)  # noqa: S311
    people(company, 6)
    sums_are_right(company)
    for turn in range(6):
        with company.ledger.read() as connection:
            ids = list(
                connection.scalars(
                    select(profile.c.profile_id).where(profile.c.merged_into.is_(None))
                )
            )
        a, b = draw.sample(sorted(ids), 2)
        done = join_customers(company, a, b, author=ACTOR, reason="")
        if turn % 2:
            undo(company, done.decision_id, author=ACTOR)
        if turn == 3:
            change_rule(company, "birthday", ValueRule(by=("recent",)), author=ACTOR)
        resolve_company(company)
        sums_are_right(company)
        with company.ledger.read() as connection:
            living = connection.scalars(
                select(profile.c.profile_id).where(profile.c.merged_into.is_(None))
            )
            assert set(connection.scalars(select(conflict.c.profile_id))) <= set(living)


@pytest.mark.parametrize("asked", [{"state": "lost"}, {"tier": 9}, {"page": 0}, {"page": 401}])
def test_a_list_that_there_is_not_is_refused(company: Company, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        conflicts_view(company, ConflictQuestion(**asked), reveal=True)


def test_pages_and_groups_show_each_contradiction_once(company: Company) -> None:
    people(company, 30)
    first = conflicts_view(company, ConflictQuestion(), reveal=True)
    second = conflicts_view(company, ConflictQuestion(page=2), reveal=True)
    ids = [line.profile_id for line in (*first.lines, *second.lines)]
    assert (first.total, len(first.lines), len(set(ids))) == (30, 25, 30)
    [group] = first.groups
    asked = ConflictQuestion(
        kind=group.kind, name=group.name, winner=group.winner, loser=group.loser
    )
    assert conflicts_view(company, asked, reveal=True).total == group.count == 30


def test_a_name_is_told_as_a_whole_and_an_undecided_part_not_at_all(company: Company) -> None:
    told(
        company,
        touchpoint("a", source="crm", type=v.RECORD_SEEN, record=crm("1"),
                   identifiers=(crm("1"), email("an1@mail.be")),
                   traits={"first_name": "An", "last_name": "Thiyr"}),
        touchpoint("b", source="web", type=v.RECORD_SEEN, record=email("an1@mail.be"),
                   occurred_at=START + DAY, traits={"first_name": "An", "last_name": "Thiry"}),
    )  # fmt: skip
    [line] = lines(company)
    assert line.name == "name"
    assert [len(piece) for piece in corrections_for(company, line.loser)] == [0]
    settle_conflict(company, line.profile_id, kind="attribute", name="name", loser=line.loser,
                    right="shown", author=ACTOR)  # fmt: skip
    [[mend]] = corrections_for(company, line.loser)
    assert (mend.attribute, mend.right_value) == ("name", line.shown)


def test_a_file_of_tickets_says_whether_an_order_is_paid(company: Company, tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text(
        "ticket_id,opened_at,email,order_id,payment status\n"
        "T1,2026-10-20 10:00,an1@mail.be,W1,owing\n"
    )
    told(
        company,
        shop_order("W1", v.PAYMENT_RECEIVED, "bank", "90", 0),
        shop_order("W1", v.ORDER_COMPLETED, "shop", "90", 0),
    )
    prepared = prepare_mapping(
        path, kind="tickets", columns=(), written=("time_zone=Europe/Brussels",),
        mapping_file=None, source="helpdesk",
    )  # fmt: skip
    import_file(company, path, prepared.mapping)
    resolve_company(company)
    assert [(x.name, x.loser) for x in lines(company)] == [("paid_owing", "helpdesk")]
