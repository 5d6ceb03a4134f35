"""Stewards at work: verdicts, second opinions, blocked values, other rules, and the figures."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import insert, select, update

from rapport.errors import Conflict, InvalidInput, NotAllowed, NotFound, RapportError
from rapport.unify.identity_rules import IdentityRules, identity_rules
from rapport.unify.matching.model import default_model
from rapport.unify.matching.stored_records import judgements, records_to_match
from rapport.unify.stewardship import Rearrangement
from rapport.unify.stored_evidence import atoms_of, open_memberships
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.ledger_tables import (
    audit,
    blocked_value,
    household,
    household_member,
    identity_day,
    outbox,
    pair_score,
    profile,
    review_verdict,
    ticket,
)
from rapport.vocabulary.touchpoint import RECORD_SEEN, Touchpoint
from rapport.web.pages.identity.health import health_page
from rapport.web.pages.identity.review import review_page
from rapport.web.parts.context import PageContext
from rapport.workflows.company import Company
from rapport.workflows.customer_changes import (
    customer_identity,
    join_customers,
    separate_customer,
    split_at,
    undo,
)
from rapport.workflows.identity_approval import (
    Limits,
    Proposed,
    approvals,
    approve,
    change_approval_limits,
    refuse,
    waiting_proposals,
)
from rapport.workflows.identity_health import (
    FEWEST_VERDICTS,
    block,
    block_stated,
    identity_health,
    identity_is_due,
    measure_identity,
    unblock,
)
from rapport.workflows.identity_review import (
    judge,
    list_suggestions,
    put_off_suggestion,
    renew_queue,
    review_queue,
    waiting_suggestions,
)
from rapport.workflows.identity_rules import (
    ask_what_if,
    change_rules,
    check_rules,
    rules_view,
    run_identity_job,
    undo_rules,
)
from rapport.workflows.users import create_user
from tests.company import PASSWORD, empty_company
from tests.conftest import FakeClock
from tests.customer_data import crm, fill, profile_named, someone
from tests.likeness import alike
from tests.touchpoints import email, touchpoint

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

TOM, ELS, IDA = "tom@kadar.example", "els@kadar.example", "ida@kadar.example"


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        now = clock()
        fill(
            opened,
            [
                someone(now, 1, "Jan Peeters", city="Gent"),
                someone(now, 2, "Jan Pieters", city="Gent"),
                someone(now, 3, "Els Maes", city="Aalst"),
            ],
        )
        for mail, language in ((TOM, "en"), (ELS, "nl"), (IDA, "hu")):
            create_user(
                opened, email=mail, name=mail, role="manager", password=PASSWORD,
                language=language,
            )  # fmt: skip
        yield opened


def records_of(company: Company, word: str) -> tuple[int, ...]:
    here = profile_named(company, word)
    with company.ledger.read() as connection:
        return atoms_of(connection, [here])[here]


@pytest.fixture
def suggested(company: Company) -> str:
    """The key of one suggestion: Jan and Jan."""
    a, b = alike(
        company.ledger, records_of(company, "Jan Peeters")[0], records_of(company, "Pieters")[0]
    )
    renew_queue(company)
    return f"{a}-{b}"


def people(company: Company) -> int:
    with company.ledger.read() as connection:
        found = connection.scalars(
            select(profile.c.profile_id).where(profile.c.merged_into.is_(None))
        )
        return len(found.all())


def doubted(company: Company) -> list[bool]:
    """What matching hears of the pairs in doubt."""
    with company.ledger.read() as connection:
        atoms = records_to_match(connection).atoms
        return [same for _, _, same in judgements(connection).of(atoms).doubted]


def small_limits(company: Company) -> None:
    """So that any join of two records needs a second person."""
    company.choose("approval_value", 0)
    company.choose("approval_records", 1)


# ── verdicts ───────────────────────────────────────────────────────────────────────────────────


def test_two_people_stand_side_by_side_with_what_they_share(
    company: Company, suggested: str
) -> None:
    queue = review_queue(company, reveal=True)
    assert queue.review is not None
    assert queue.review.key == suggested
    assert {queue.review.left.name, queue.review.right.name} == {"Jan Peeters", "Jan Pieters"}
    told = {row.name: row.agreement for row in queue.review.rows}
    assert (told["name"], told["city"]) == ("alike", "same")
    assert told["crm_contact"] == "different"
    assert waiting_suggestions(company) == queue.counts.open == 1


def test_a_pair_says_why_nobody_joined_it_yet(company: Company, suggested: str) -> None:
    def told() -> tuple[int, bool, str]:
        queue = review_queue(company, key=suggested, reveal=True)
        assert queue.review is not None
        page = review_page(PageContext(language="nl", csrf_token="t"), queue)
        return queue.review.rivals, queue.review.sure, str(page)

    assert told()[:2] == (0, False)  # 90 % alike is not enough
    with company.ledger.write() as connection:
        connection.execute(update(pair_score).values(probability=0.99))
    rivals, sure, page = told()
    assert (rivals, sure) == (0, True)
    assert "1 van 1 paren" in page
    els = records_of(company, "Els")
    alike(company.ledger, records_of(company, "Jan Peeters")[0], els[0], 0.71)
    rivals, _, page = told()
    assert rivals == 1
    assert "Nog 1 andere klant" in page
    queue = review_queue(company, key=suggested, reveal=True)
    assert queue.review is not None
    (rival,) = queue.review.nearest_rivals
    assert (rival.name, rival.probability) == ("Els Maes", 0.71)
    assert rival.like in (queue.review.left.profile_id, queue.review.right.profile_id)
    assert f'<a href="/customers/{rival.profile_id}"><bdi>Els Maes</bdi></a>' in page
    assert "lijkt op Jan Peeters (71" in page


def test_who_is_said_to_be_neither_is_no_rival_any_more(company: Company, suggested: str) -> None:
    a, b = alike(
        company.ledger, records_of(company, "Jan Peeters")[0], records_of(company, "Els")[0], 0.71
    )
    renew_queue(company)
    judge(company, f"{a}-{b}", same=False, author=TOM)
    queue = review_queue(company, key=suggested, reveal=True)
    assert queue.review is not None
    assert (queue.review.rivals, queue.review.nearest_rivals) == (0, ())


def test_a_short_form_is_marked_as_alike_and_says_so(company: Company, suggested: str) -> None:
    queue = review_queue(company, key=suggested, reveal=True)
    page = str(review_page(PageContext(language="en", csrf_token="t"), queue))
    assert queue.review is not None
    told = {row.name: (row.agreement, row.level) for row in queue.review.rows}
    assert told["name"] == ("alike", "slips")
    assert 'title="may be the same: same name but for slips"' in page


def test_a_company_number_is_the_same_with_and_without_its_country(company: Company) -> None:
    now = company.clock()
    for n, (name, number) in enumerate(
        (("Brasserie du Parc SRL", "BE0403170701"), ("Brasserie du Parc (Gent)", "0403.170.701"))
    ):
        record = Identifier(kind="crm_account", value=f"K{n}", namespace="crm")
        fill(
            company,
            [
                touchpoint(
                    f"account-{n}", type=RECORD_SEEN, source="crm", channel="crm",
                    occurred_at=now, received_at=now, record=record,
                    identifiers=(record, Identifier(kind="business_id", value=number)),
                    traits={"name": name, "company": name, "country": "BE"},
                )
            ],
        )  # fmt: skip
    a, b = alike(
        company.ledger, records_of(company, "Parc SRL")[0], records_of(company, "(Gent)")[0]
    )
    renew_queue(company)
    queue = review_queue(company, key=f"{a}-{b}", reveal=True)
    assert queue.review is not None
    told = {row.name: row.agreement for row in queue.review.rows}
    assert (told["business_id"], told["name"]) == ("same", "same")


def test_same_joins_and_different_is_remembered_and_both_come_back(
    company: Company, suggested: str
) -> None:
    said = judge(company, suggested, same=True, author=TOM, reason="Same voice")
    assert said.decision_id is not None
    assert (people(company), waiting_suggestions(company)) == (2, 0)
    undo(company, said.decision_id, author=TOM)
    assert (people(company), waiting_suggestions(company)) == (3, 1)
    other = judge(company, suggested, same=False, author=TOM)
    assert other.decision_id is not None
    assert (people(company), waiting_suggestions(company)) == (3, 0)
    renew_queue(company)
    assert list_suggestions(company) == []
    undo(company, other.decision_id, author=TOM)
    assert waiting_suggestions(company) == 1


def test_who_comes_second_is_told_so(company: Company, suggested: str) -> None:
    judge(company, suggested, same=False, author=TOM)
    with pytest.raises(Conflict):
        judge(company, suggested, same=True, author=ELS)
    with pytest.raises(Conflict):
        put_off_suggestion(company, suggested, author=ELS)
    with pytest.raises(Conflict):
        review_queue(company, key=suggested, reveal=False)


@pytest.mark.parametrize("key", ["", "1", "2-1", "x-y", "1-" + "9" * 30, "1-2-3", "٣-٤"])
def test_what_names_no_suggestion_is_not_found(company: Company, key: str) -> None:
    with pytest.raises((NotFound, Conflict)):
        judge(company, key, same=True, author=TOM)


def test_what_is_put_off_waits_apart(company: Company, suggested: str) -> None:
    assert put_off_suggestion(company, suggested, author=TOM) is None
    assert review_queue(company, reveal=False).review is None
    later = review_queue(company, state="later", reveal=False)
    assert later.review is not None
    assert later.counts.later == 1
    with pytest.raises(InvalidInput):
        review_queue(company, state="never", reveal=False)


# ── second opinions ────────────────────────────────────────────────────────────────────────────


def proposed(company: Company) -> Proposed:
    small_limits(company)
    done = join_customers(
        company, profile_named(company, "Peeters"), profile_named(company, "Pieters"),
        author=TOM, reason="Same voice",
    )  # fmt: skip
    assert isinstance(done, Proposed)
    return done


def test_who_approves_a_join_sees_the_two_side_by_side(company: Company, suggested: str) -> None:
    waits = proposed(company)
    (shown,) = approvals(company).waiting
    assert (shown.proposal_id, shown.pair) == (waits.proposal_id, suggested)
    assert review_queue(company, key=suggested, reveal=True).review is not None
    refuse(company, waits.proposal_id, author=ELS)
    assert approvals(company).decided[0].pair is None


def test_a_large_join_waits_for_a_second_person_who_is_told(company: Company) -> None:
    waits = proposed(company)
    assert (people(company), waits.approvers, waiting_proposals(company)) == (3, 2, 1)
    with company.ledger.read() as connection:
        task = connection.execute(
            select(ticket.c.owner_email, ticket.c.status, ticket.c.facts).where(
                ticket.c.title_code == "identity_approval"
            )
        ).one()
        mails = connection.execute(
            select(outbox.c.recipient, outbox.c.message).where(
                outbox.c.idempotency_key.like("identity-approval:%")
            )
        ).all()
    assert (task.owner_email, task.status) == (ELS, "open")
    assert "Peeters" not in str(task.facts)
    assert {mail.recipient for mail in mails} == {ELS, IDA}
    assert not any("Peeters" in str(mail.message) for mail in mails)

    done = approve(company, waits.proposal_id, author=ELS)
    assert (people(company), waiting_proposals(company)) == (2, 0)
    (decided,) = approvals(company).decided
    assert (decided.status, decided.decided_by, decided.decision_id) == (
        "approved", ELS, done.decision_id,
    )  # fmt: skip
    with company.ledger.read() as connection:
        assert (
            connection.scalar(
                select(ticket.c.status).where(ticket.c.title_code == "identity_approval")
            )
            == "resolved"
        )
        noted = set(connection.scalars(select(audit.c.action)))
    assert {"identity.proposed", "identity.approved"} <= noted
    undo(company, done.decision_id, author=TOM)
    assert people(company) == 3


def test_nobody_approves_what_they_proposed_themselves(company: Company) -> None:
    waits = proposed(company)
    with pytest.raises(NotAllowed):
        approve(company, waits.proposal_id, author=TOM)
    assert (people(company), waiting_proposals(company)) == (3, 1)
    assert refuse(company, waits.proposal_id, author=TOM) == "withdrawn"
    assert approvals(company).decided[0].status == "withdrawn"


def test_of_two_who_approve_at_once_one_does(company: Company) -> None:
    waits = proposed(company)
    together = Barrier(2)

    def try_it(author: str) -> str:
        together.wait()
        try:
            approve(company, waits.proposal_id, author=author)
        except RapportError as problem:
            return type(problem).__name__
        return "approved"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(try_it, (ELS, IDA)))
    assert outcomes == ["Conflict", "approved"]
    assert people(company) == 2
    with company.ledger.read() as connection:
        approvals_noted = connection.scalars(
            select(audit.c.action).where(audit.c.action == "identity.approved")
        ).all()
    assert len(approvals_noted) == 1


def test_a_refused_proposal_changes_nothing_and_may_not_be_approved_after(
    company: Company,
) -> None:
    waits = proposed(company)
    assert refuse(company, waits.proposal_id, author=ELS, reason="Brothers") == "refused"
    with pytest.raises(Conflict):
        approve(company, waits.proposal_id, author=IDA)
    with pytest.raises(NotFound):
        approve(company, 99, author=IDA)
    assert people(company) == 3


def test_the_same_is_not_proposed_twice(company: Company) -> None:
    proposed(company)
    with pytest.raises(Conflict):
        join_customers(
            company, profile_named(company, "Pieters"), profile_named(company, "Peeters"),
            author=ELS, reason="",
        )  # fmt: skip


def test_a_proposal_whose_records_moved_meanwhile_is_not_carried_out(company: Company) -> None:
    waits = proposed(company)
    company.choose("approval_records", 50)
    company.choose("approval_value", 10_000)
    join_customers(
        company, profile_named(company, "Peeters"), profile_named(company, "Pieters"),
        author=IDA, reason="",
    )  # fmt: skip
    with pytest.raises(Conflict):
        approve(company, waits.proposal_id, author=ELS)
    assert waiting_proposals(company) == 1  # the claim fell with the rest


def test_a_large_verdict_counts_only_once_it_is_approved(company: Company, suggested: str) -> None:
    small_limits(company)
    said = judge(company, suggested, same=True, author=TOM)
    assert said.proposal is not None
    assert waiting_suggestions(company) == 1  # the proposal; the pair itself is put off
    assert sum(band.asked for band in identity_health(company).bands) == 0
    assert doubted(company) == []
    approve(company, said.proposal.proposal_id, author=ELS)
    assert sum(band.asked for band in identity_health(company).bands) == 1
    assert doubted(company) == [True]


def test_a_large_split_waits_too_and_a_small_one_does_not(company: Company, suggested: str) -> None:
    judge(company, suggested, same=True, author=TOM)
    here = profile_named(company, "Jan P")
    company.choose("approval_records", 1)
    part = [int(suggested.partition("-")[0])]
    waits = separate_customer(company, here, part, author=TOM, reason="")
    assert isinstance(waits, Proposed)
    approve(company, waits.proposal_id, author=ELS)
    assert people(company) == 3


def test_limits_are_set_with_an_audit_line(company: Company) -> None:
    change_approval_limits(company, Limits(records=5, value=100), author=TOM)
    assert approvals(company).limits == Limits(records=5, value=100)
    with pytest.raises(InvalidInput):
        change_approval_limits(company, Limits(records=0, value=100), author=TOM)
    with company.ledger.read() as connection:
        assert "identity.limits" in set(connection.scalars(select(audit.c.action)))


# ── the evidence of one person ─────────────────────────────────────────────────────────────────


def test_a_person_is_split_at_a_link_as_the_explanation_foretold(
    company: Company, suggested: str
) -> None:
    judge(company, suggested, same=True, author=TOM)
    here = profile_named(company, "Jan P")
    (link,) = customer_identity(company, here, reveal=False).explanation.links
    assert link.fell is not None
    done = split_at(
        company, here, int(link.a.atom_id), int(link.b.atom_id), author=ELS, reason="Not the same"
    )
    assert isinstance(done, Rearrangement)
    with company.ledger.read() as connection:
        placed = open_memberships(connection, [int(link.a.atom_id), int(link.b.atom_id)])
    assert len(set(placed.values())) == 2
    with pytest.raises(Conflict):
        split_at(company, here, int(link.a.atom_id), int(link.b.atom_id), author=ELS, reason="")


# ── health ─────────────────────────────────────────────────────────────────────────────────────


def test_figures_are_kept_by_day_and_count_what_happened_since(
    company: Company, suggested: str, clock: FakeClock
) -> None:
    assert identity_health(company).measured_at is None
    assert identity_is_due(company)
    first = measure_identity(company)
    assert (first.people, first.records) == (3, 3)
    assert not identity_is_due(company)
    clock.advance(timedelta(days=1))
    judge(company, suggested, same=True, author=TOM)
    measure_identity(company)
    measure_identity(company)  # the same day again replaces, and counts nothing twice
    health = identity_health(company)
    assert [day.people for day in health.days] == [3, 2]
    assert sum(week.said_same for week in health.weeks) == 1
    assert health.sizes[:2] == (1, 1)


def test_households_and_accounts_are_compared_with_a_month_ago(
    company: Company, clock: FakeClock
) -> None:
    def live_together(*names: str) -> None:
        now = clock()
        with company.ledger.write() as connection:
            connection.execute(household.delete())
            connection.execute(household_member.delete())
            connection.execute(
                insert(household),
                {
                    "household_id": "h1",
                    "name": "Peeters",
                    "members": len(names),
                    "confidence": 1.0,
                    "order_count": 0,
                    "revenue": 0,
                },
            )
            connection.execute(
                insert(household_member),
                [
                    {"household_id": "h1", "profile_id": profile_named(company, name),
                     "since": now, "confidence": 1.0, "why": []}
                    for name in names
                ],
            )  # fmt: skip

    measure_identity(company)
    with company.ledger.write() as connection:  # as it was kept before groups were measured
        (row,) = connection.execute(select(identity_day))
        old = {k: v for k, v in row.figures.items() if k != "groups"}
        connection.execute(update(identity_day).values(figures=old))
    for days, names in ((1, ["Peeters", "Pieters"]), (20, ["Els", "Pieters"])):
        clock.advance(timedelta(days=days))
        live_together(*names)
        measure_identity(company)
    clock.advance(timedelta(days=30))
    live_together("Els", "Peeters", "Pieters")
    measure_identity(company)
    health = identity_health(company)
    assert health.groups is not None
    assert (health.groups.households, health.groups.household_people) == (1, 3)
    assert health.groups.largest_household == 3
    assert health.before is not None
    assert health.groups_before == health.before == health.days[2]  # thirty days ago
    page = str(health_page(PageContext(language="en", csrf_token="t"), health))
    assert "People who live with somebody" in page
    assert "+1" in page
    first = health.days[1]
    with company.ledger.write() as connection:
        connection.execute(identity_day.delete().where(identity_day.c.day == health.days[2].day))
    health = identity_health(company)
    assert (health.before, health.groups_before) == (first, first)
    with company.ledger.write() as connection:
        connection.execute(identity_day.delete().where(identity_day.c.day == first.day))
    health = identity_health(company)
    assert health.before is not None  # of people, but not of groups
    assert health.groups_before is None


def test_a_source_that_gives_its_numbers_out_again_is_named(company: Company) -> None:
    now = company.clock()

    def told(number: int, addresses: int) -> list[Touchpoint]:
        return [
            touchpoint(
                f"given-{number}-{n}", source="shop", channel="crm", type=RECORD_SEEN,
                record=crm(f"S-{number}"), identifiers=(email(f"p{number}-{n}@mail.be"),),
                occurred_at=now - timedelta(days=n),
            )
            for n in range(addresses)
        ]  # fmt: skip

    fill(company, [*told(1, 5), *told(2, 6), *told(3, 20)])  # five addresses are one person's
    measure_identity(company)
    (found,) = identity_health(company).overfull
    assert (found.source, found.kind, found.records, found.most) == ("shop", "email", 2, 20)
    page = str(health_page(PageContext(language="nl", csrf_token="t"), identity_health(company)))
    assert "aan iemand anders" in page


def test_calibration_says_nothing_below_enough_verdicts(company: Company) -> None:
    def verdicts(count: int, same: int) -> None:
        with company.ledger.write() as connection:
            connection.execute(
                insert(review_verdict),
                [
                    {
                        "atom_a": n, "atom_b": n + 1, "probability": 0.95, "joined": False,
                        "same": n < same, "author": TOM, "at": company.clock(),
                        "decision_id": 1000 + n, "undone": False,
                    }
                    for n in range(count)
                ],
            )  # fmt: skip

    verdicts(FEWEST_VERDICTS - 1, FEWEST_VERDICTS - 1)
    surest = identity_health(company).bands[-1]
    assert (surest.asked, surest.is_enough) == (FEWEST_VERDICTS - 1, False)
    verdicts(1, 0)
    surest = identity_health(company).bands[-1]
    assert (surest.asked, surest.confirmed, surest.is_enough) == (
        FEWEST_VERDICTS, FEWEST_VERDICTS - 1, True,
    )  # fmt: skip


def test_a_shared_value_is_blocked_by_its_name_and_let_go_again(
    company: Company, clock: FakeClock
) -> None:
    fill(
        company,
        [
            someone(clock(), 10 + n, name, email="lobby@kortrijk.example")
            for n, name in enumerate(("Ann Baert", "Bob Claes", "Cis Dewit", "Dirk Eeckman",
                                      "Eva Faes"))
        ],
    )  # fmt: skip
    measure_identity(company)
    (shared,) = [v for v in identity_health(company).examples if v.value_class == "generic"]
    assert shared.value == "l…@kortrijk.example"
    assert shared.records == 5
    block(company, shared.ref, author=TOM, reason="A hotel")
    with pytest.raises(Conflict):
        block(company, shared.ref, author=TOM)
    (blocked,) = identity_health(company).blocked
    unblock(company, blocked.ref, author=TOM)
    with pytest.raises(NotFound):
        unblock(company, blocked.ref, author=TOM)
    with company.ledger.read() as connection:
        assert connection.execute(select(blocked_value)).all() == []
    for ref in ("", "email", "email::1:x", "email::٣:x"):
        with pytest.raises(NotFound):
            block(company, ref, author=TOM)
    with pytest.raises(InvalidInput):
        block_stated(company, "email", " ", author=TOM)


# ── rules ──────────────────────────────────────────────────────────────────────────────────────


def test_a_trial_writes_nothing_and_switching_on_does_what_it_said(
    company: Company, suggested: str
) -> None:
    one, two = (profile_named(company, word) for word in ("Peeters", "Pieters"))
    judge(company, suggested, same=True, author=TOM)
    number = ask_what_if(company, IdentityRules(limits={"crm_contact": 1}), author=TOM)
    assert rules_view(company).trial.state == "waiting"  # type: ignore[union-attr]
    assert run_identity_job(company)
    assert not run_identity_job(company)
    trial = rules_view(company, job_id=number).trial
    assert trial is not None
    assert trial.effect is not None
    # A colleague's word outranks every limit.
    assert (trial.effect.merged, trial.effect.split) == (0, 0)
    change_rules(company, trial.rules, author=TOM, reason="One contact each")
    with company.ledger.read() as connection:
        assert identity_rules(connection).limits == {"crm_contact": 1}
    assert rules_view(company).applying == "waiting"
    assert run_identity_job(company)
    view = rules_view(company)
    assert (view.applying, view.history[0].author) == (None, TOM)
    with pytest.raises(Conflict):
        change_rules(company, trial.rules, author=TOM, reason="")
    undo_rules(company, author=TOM)
    with company.ledger.read() as connection:
        assert identity_rules(connection) == IdentityRules()
    with pytest.raises(Conflict):
        undo_rules(company, author=TOM)
    assert one != two


def test_rules_that_cannot_be_are_refused() -> None:
    model = default_model()
    for wrong in (
        IdentityRules(merge=model.review / 2),
        IdentityRules(merge=1.0),
        IdentityRules(limits={"shoe_size": 2}),
        IdentityRules(limits={"email": 0}),
    ):
        with pytest.raises(InvalidInput):
            check_rules(wrong, model)
    usual = IdentityRules(merge=model.merge, limits={"email": 5})
    assert check_rules(usual, model) == IdentityRules()


def test_a_trial_of_a_line_before_anything_was_matched_fails_with_its_reason(
    company: Company,
) -> None:
    view = rules_view(company)
    other = (view.model_merge + view.review) / 2
    ask_what_if(company, IdentityRules(merge=other), author=TOM)
    assert run_identity_job(company)
    trial = rules_view(company).trial
    assert trial is not None
    assert trial.state == "failed"
    assert "match first" in (trial.error or "")
