"""The 360-degree view: what is shown, whence, and what colleagues change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.ledger_tables import journal, outbox
from rapport.workflows.company import Company
from rapport.workflows.customer import customer_360
from rapport.workflows.customer_changes import (
    answer_next_step,
    choose_keys,
    choose_values,
    customer_identity,
    join_customers,
    record_contact,
    report_ticket,
    separate_customer,
    undo,
)
from rapport.workflows.customer_list import every_customer, find, list_customers
from rapport.workflows.customer_timeline import VISIT, customer_timeline
from rapport.workflows.resolve import resolve_company
from rapport.workflows.train import train_models
from rapport.workflows.write_message import write_message, writing_view
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.customer_data import MAIL, eszter, fill, profile_named, someone
from tests.touchpoints import keep, touchpoint

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

TOM = "tom@kadar.example"


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def her(company: Company, clock: FakeClock) -> str:
    fill(company, [*eszter(clock()), someone(clock(), 1, "Eszter Vandenberg", city="Gent")])
    return profile_named(company, "Vandenberghe")


def test_a_customer_of_four_silos_is_shown_as_one_person(company: Company, her: str) -> None:
    shown = customer_360(company, her, reveal=True)
    assert shown.name == "Eszter Vandenberghe"
    assert shown.records == 4
    assert (shown.value.order_count, shown.value.revenue) == (2, Decimal("176.95"))
    assert shown.value.customer_since is not None
    assert shown.value.customer_since.year == 2021
    email = shown.fact("email")
    assert email is not None
    assert (email.value, email.source, email.data_kind) == (MAIL, "crm", "demographic")
    kinds = {fact.data_kind for fact in shown.facts}
    assert kinds == {"demographic", "behavioural", "transactional", "psychographic"}
    assert {(c.purpose, c.granted) for c in shown.consents} == {
        ("email_marketing", True),
        ("sms_marketing", False),
    }


def test_addresses_are_masked_wherever_they_are_shown(company: Company, her: str) -> None:
    shown = customer_360(company, her, reveal=False)
    email, phone = shown.fact("email"), shown.fact("phone")
    assert email is not None
    assert phone is not None
    assert email.value == "e…@example.com"
    assert "550123" not in phone.value
    said = repr((shown.facts, shown.conflicts))
    assert "550132" not in said
    assert MAIL not in said
    assert MAIL not in repr(customer_identity(company, her, reveal=False))
    assert MAIL not in repr(list_customers(company, reveal=False))
    assert MAIL not in repr(find(company, "eszter", reveal=False, tickets=False))


def test_a_visit_is_one_line_that_says_what_was_sought(company: Company, her: str) -> None:
    shown = customer_timeline(company, her)
    (visit,) = [line for line in shown.lines if line.type == VISIT]
    assert visit.visit is not None
    assert (visit.count, visit.visit.pages, visit.visit.put_in_basket) == (5, 2, 1)
    assert visit.visit.searches == ("winter coat",)
    assert visit.visit.products == ("Winter coat",)
    assert shown.total == 11
    assert shown.counts["web"] == 5


def test_the_timeline_is_newest_first_with_the_lines_of_orders(company: Company, her: str) -> None:
    lines = customer_timeline(company, her).lines
    moments = [line.occurred_at for line in lines]
    assert moments == sorted(moments, reverse=True)
    (bought,) = [line for line in lines if line.order_id == "MK-88213"]
    assert [(item.name, item.quantity) for item in bought.items] == [
        ("Rain boots", Decimal(1)),
        ("Wool socks", Decimal(2)),
    ]


def test_a_timeline_is_narrowed_to_one_kind(company: Company, her: str) -> None:
    shown = customer_timeline(company, her, kind="orders")
    assert {line.type for line in shown.lines} == {v.ORDER_COMPLETED}
    assert shown.total == 2
    assert shown.counts["calls"] == 1
    with pytest.raises(InvalidInput, match="orders"):
        customer_timeline(company, her, kind="gossip")


def test_pages_of_a_timeline_follow_without_gap_or_repeat(
    company: Company, clock: FakeClock
) -> None:
    contact = eszter(clock())[0].record
    assert contact is not None
    calls = [
        touchpoint(
            f"call-{n}", source="calls", channel="phone", type=v.CALL_ENDED, record=contact,
            # Several at the same moment: time alone does not say where a page ends.
            occurred_at=clock() - timedelta(days=1, hours=n // 3),
        )
        for n in range(130)
    ]  # fmt: skip
    fill(company, [*eszter(clock()), *calls])
    her = profile_named(company, "Vandenberghe")
    seen: list[str] = []
    before = None
    for _ in range(10):
        shown = customer_timeline(company, her, before=before)
        assert len(shown.lines) <= 50
        seen += [line.touchpoint_id for line in shown.lines]
        before = shown.next
        if before is None:
            break
    assert before is None
    assert len(seen) == len(set(seen))
    assert {f"call-{n}" for n in range(130)} <= set(seen)
    with pytest.raises(InvalidInput, match="cannot be read"):
        customer_timeline(company, her, before="yesterday")


def test_what_was_corrected_is_no_longer_told(company: Company, clock: FakeClock) -> None:
    contact = eszter(clock())[0].record
    fill(
        company,
        [
            *eszter(clock()),
            touchpoint(
                "call-2", source="calls", channel="phone", type=v.CALL_ENDED, record=contact,
                occurred_at=clock() - timedelta(days=3), text="Call me back.", corrects="call-1",
            ),
        ],
    )  # fmt: skip
    lines = customer_timeline(company, profile_named(company, "Vandenberghe")).lines
    told = [line.touchpoint_id for line in lines if line.kind == "calls"]
    assert told == ["call-2"]


def test_a_chosen_value_stays_until_it_is_given_back(company: Company, her: str) -> None:
    (conflict,) = [
        c for c in customer_360(company, her, reveal=True).conflicts if c.name == "postal_code"
    ]
    assert [(c.value, c.is_shown) for c in conflict.choices] == [("3000", True), ("3001", False)]
    choose_keys(company, her, {"postal_code": conflict.choices[1].key}, author=TOM)
    shown = customer_360(company, her, reveal=True).fact("postal_code")
    assert shown is not None
    assert (shown.value, shown.is_chosen, shown.source) == ("3001", True, TOM)
    assert list_customers(company, reveal=True, query="vandenberghe").rows[0].city == "Leuven"
    choose_values(company, her, {"postal_code": None}, author=TOM)
    again = customer_360(company, her, reveal=True).fact("postal_code")
    assert again is not None
    assert (again.value, again.is_chosen) == ("3000", False)


def test_a_choice_that_no_silo_states_is_refused(company: Company, her: str) -> None:
    with pytest.raises(Conflict, match="changed meanwhile"):
        choose_keys(company, her, {"postal_code": "0123456789abcdef"}, author=TOM)
    with pytest.raises(InvalidInput, match="no attribute"):
        choose_values(company, her, {"shoe_size": "43"}, author=TOM)


def test_joining_and_undoing_leaves_two_people_with_their_history(
    company: Company, her: str
) -> None:
    other = next(
        row.profile_id for row in list_customers(company, reveal=True).rows if row.profile_id != her
    )
    joined = join_customers(company, her, other, author=TOM, reason="She told us")
    survivor = customer_360(company, other, reveal=True).profile_id
    assert survivor == customer_360(company, her, reveal=True).profile_id
    assert customer_360(company, survivor, reveal=True).records == 5
    record_contact(company, survivor, channel="phone", author=TOM)
    identity = customer_identity(company, survivor, reveal=True)
    assert identity.decisions[0].kind == "must_link"
    assert identity.decisions[0].reason == "She told us"
    assert len(identity.followed[joined.decision_id].contacts) == 1
    undone = undo(company, joined.decision_id, author=TOM)
    assert len(undone.followed.contacts) == 1
    assert customer_360(company, her, reveal=True).records == 4
    assert customer_360(company, other, reveal=True).records == 1
    decisions = {d.decision_id: d for d in customer_identity(company, her, reveal=True).decisions}
    assert decisions[joined.decision_id].undone
    assert joined.decision_id not in customer_identity(company, her, reveal=True).undoable


def test_two_people_in_one_profile_are_parted(company: Company, her: str) -> None:
    records = customer_identity(company, her, reveal=True).explanation.records
    (till,) = [int(r.atom_id) for r in records if r.kind == "loyalty_card"]
    separate_customer(company, her, [till], author=TOM, reason="Her sister's card")
    assert customer_360(company, her, reveal=True).records == 3
    assert list_customers(company, reveal=True).total == 3
    for wrong in ([], [int(r.atom_id) for r in records], [12345]):
        with pytest.raises(InvalidInput, match="not none and not all"):
            separate_customer(company, her, wrong, author=TOM, reason="")


def test_the_contact_policy_stops_the_fourth_marketing_message(
    company: Company, clock: FakeClock
) -> None:
    consented = [t for t in eszter(clock()) if t.type == v.RECORD_SEEN]
    fill(company, consented)
    her = profile_named(company, "Vandenberghe")
    for n in range(3):
        sent = write_message(
            company, her, purpose="marketing", subject=f"Boots {n}", text="New!", key=f"m{n}"
        )
        assert sent.decision.allowed
        clock.advance(timedelta(hours=1))
    fourth = write_message(company, her, purpose="marketing", subject="B", text="!", key="m4")
    assert fourth.decision.reason["code"] == "policy_cap"
    shown = customer_360(company, her, reveal=True)
    assert (shown.next_step.policies[0].sent, shown.next_step.policies[0].max) == (3, 3)
    assert [(m.status, m.subject) for m in shown.messages] == [
        ("refused", None),
        ("reserved", "Boots 2"),
        ("reserved", "Boots 1"),
        ("reserved", "Boots 0"),
    ]
    assert shown.messages[0].reason["sent"] == 3
    assert _queued(company) == 3


def test_nothing_is_sold_to_somebody_who_waits_for_an_answer(company: Company, her: str) -> None:
    sold = write_message(company, her, purpose="marketing", subject="B", text="New!", key="k")
    assert sold.decision.reason["code"] == "open_complaint"
    served = write_message(company, her, purpose="service", subject="Sorry", text="…", key="s")
    assert served.decision.allowed


def _queued(company: Company) -> int:
    """Messages to customers in the outbox; alerts to colleagues are there too."""
    with company.ledger.read() as connection:
        rows = connection.execute(select(outbox).where(outbox.c.contact_id.is_not(None))).all()
    return len(rows)


def test_the_same_message_reaches_her_once(company: Company, her: str) -> None:
    first = write_message(company, her, purpose="service", subject="Hi", text="Hi", key="once")
    again = write_message(company, her, purpose="service", subject="Hi", text="Hi", key="once")
    assert first.decision.allowed
    assert again.decision.reason["code"] == "already_contacted"
    assert _queued(company) == 1


def test_nobody_without_consent_gets_marketing_and_the_form_says_so_before(
    company: Company, clock: FakeClock
) -> None:
    fill(company, [someone(clock(), 1, "Jan Peeters", email="jan@example.com")])
    jan = profile_named(company, "Peeters")
    view = writing_view(company, jan)
    assert view.decisions["service"].allowed
    assert view.decisions["marketing"].reason["code"] == "consent_missing"
    refused = write_message(company, jan, purpose="marketing", subject="A", text="B", key="1")
    assert refused.decision.check == "consent"
    for given in ({"subject": " "}, {"text": ""}, {"purpose": "survey"}, {"text": "a\0b"}):
        with pytest.raises(InvalidInput):
            write_message(
                company,
                jan,
                **({"purpose": "service", "subject": "A", "text": "B", "key": "2"} | given),
            )


def test_a_call_counts_for_the_policy_and_stands_in_the_timeline_as_ours(
    company: Company, her: str, clock: FakeClock
) -> None:
    before = customer_360(company, her, reveal=True).value
    record_contact(company, her, channel="phone", author=TOM, note="Will send a new parcel")
    resolve_company(company)
    shown = customer_360(company, her, reveal=True)
    assert shown.next_step.policies[0].sent == 1
    ours = shown.timeline.lines[0]
    assert (ours.kind, ours.properties["by"]) == ("calls", TOM)
    assert ours.text is None
    assert ours.sentiment is None
    assert shown.value.order_count == before.order_count
    assert shown.messages[0].is_human
    with pytest.raises(InvalidInput, match="past moment"):
        record_contact(company, her, channel="phone", author=TOM, at=clock() + timedelta(hours=1))


def test_a_ticket_opened_by_hand_is_the_next_thing_to_do(
    company: Company, clock: FakeClock
) -> None:
    fill(company, [someone(clock(), 1, "Jan Peeters")])
    jan = profile_named(company, "Peeters")
    assert customer_360(company, jan, reveal=True).next_step.advice is None
    number = report_ticket(
        company, jan, subject="Zip broken", note="On the first day", priority=1, author=TOM
    )
    shown = customer_360(company, jan, reveal=True)
    assert [(t.ticket_id, t.facts["subject"]) for t in shown.tickets] == [(number, "Zip broken")]
    advice = shown.next_step.advice
    assert advice is not None
    assert (advice.code, advice.facts["ticket_id"]) == ("call_back", number)
    clock.advance(timedelta(hours=9))
    late = customer_360(company, jan, reveal=True).next_step.advice
    assert late is not None
    assert late.code == "keep_promise"


def test_advice_that_was_put_off_rests(company: Company, her: str) -> None:
    advice = customer_360(company, her, reveal=True).next_step.advice
    assert advice is not None
    assert advice.code == "call_back"
    with pytest.raises(Conflict, match="Something else"):
        answer_next_step(company, her, code="win_back", status="accepted", author=TOM)
    answer_next_step(company, her, code="call_back", status="declined", author=TOM)
    step = customer_360(company, her, reveal=True).next_step
    assert step.advice is None or step.advice.code != "call_back"
    assert step.answered is not None
    assert (step.answered.status, step.answered.status_by) == ("declined", TOM)


def test_without_a_model_no_number_is_made_up(company: Company, her: str) -> None:
    shown = customer_360(company, her, reveal=True)
    assert shown.predictions.state == "not_trained"
    assert shown.value.value_rank is None


def test_a_refused_model_says_what_is_missing(company: Company, her: str) -> None:
    trained = train_models(company)
    assert trained.refused is not None
    said = customer_360(company, her, reveal=True).predictions
    assert said.state == "refused"
    assert said.refusal["needs_repeat_buyers"] > said.refusal["repeat_buyers"]
    assert said.scores == {}


def test_a_stranger_is_not_found(company: Company) -> None:
    with pytest.raises(NotFound):
        customer_360(company, "nobody", reveal=True)


# ── the list ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    ["eszter vanden", "ESZTÉR", MAIL, "0123", "0470 55 01 23", "MK-88213", "LC77812290", "lc7781"],
)
def test_one_box_finds_her_by_everything(company: Company, her: str, query: str) -> None:
    found = list_customers(company, reveal=True, query=query)
    assert her in [row.profile_id for row in found.rows]
    offered = find(company, query, reveal=True, tickets=True)
    everybody = [p.profile_id for p in offered.people] + [o.profile_id for o in offered.orders]
    assert everybody[0] == her


def test_an_order_is_offered_under_its_number(company: Company, her: str) -> None:
    (order,) = find(company, "mk-88213", reveal=True, tickets=True).orders
    assert (order.order_number, order.profile_id) == ("MK-88213", her)


def test_tickets_are_offered_only_to_those_who_may_see_them(company: Company, her: str) -> None:
    number = report_ticket(company, her, subject="Late", note="", priority=2, author=TOM)
    assert [t.ticket_id for t in find(company, f"#{number}", reveal=True, tickets=True).tickets]
    assert not find(company, f"#{number}", reveal=True, tickets=False).tickets


def test_the_list_is_sorted_narrowed_and_paged(company: Company, clock: FakeClock) -> None:
    fill(
        company,
        [
            *eszter(clock()),
            *(
                someone(clock(), n, f"Customer {n:03d}", country="HU" if n % 2 else "FR")
                for n in range(7)
            ),
        ],
    )
    by_name = list_customers(company, reveal=True, sort="name", descending=False, limit=5)
    assert [row.name for row in by_name.rows] == [f"Customer {n:03d}" for n in range(5)]
    rest = list_customers(company, reveal=True, sort="name", descending=False, limit=5, offset=5)
    assert [row.name for row in rest.rows][-1] == "Eszter Vandenberghe"
    assert (by_name.total, len(rest.rows)) == (8, 3)
    assert by_name.countries == {"FR": 4, "HU": 3, "BE": 1}
    richest = list_customers(company, reveal=True, sort="revenue").rows[0]
    assert (richest.name, richest.revenue) == ("Eszter Vandenberghe", Decimal("176.95"))
    narrowed = list_customers(company, reveal=True, country="HU")
    assert (narrowed.total, {row.country for row in narrowed.rows}) == (3, {"HU"})
    with pytest.raises(InvalidInput, match="sorted by"):
        list_customers(company, reveal=True, sort="shoe_size")
    everybody = [row for piece in every_customer(company) for row in piece]
    assert len({row.profile_id for row in everybody}) == 8


def test_a_call_is_journalled_once_however_often_it_is_told(
    company: Company, her: str, clock: FakeClock
) -> None:
    moment = clock() - timedelta(hours=1)
    first = record_contact(company, her, channel="phone", author=TOM, at=moment)
    again = record_contact(company, her, channel="phone", author=TOM, at=moment)
    assert first.contact_id == again.contact_id
    with company.ledger.read() as connection:
        ids = connection.scalars(select(journal.c.message_id)).all()
    assert ids.count(f"contact:{first.contact_id}") == 1


def test_what_arrives_later_shows_at_once(company: Company, her: str, clock: FakeClock) -> None:
    contact = eszter(clock())[0].record
    keep(
        company,
        [touchpoint("late", channel="chat", type=v.CHAT_ENDED, record=contact, text="Thanks!",
                    source="chat", occurred_at=clock())],
    )  # fmt: skip
    resolve_company(company)
    assert customer_timeline(company, her).lines[0].touchpoint_id == "late"
