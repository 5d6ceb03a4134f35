"""What an administrator sets: accounts, contact policy, alert rules, the company, the outbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from rapport.act.contact_policy import record_human_contact
from rapport.errors import Conflict, InvalidInput, NotAllowed, NotFound, NotSignedIn
from rapport.vocabulary import ledger_tables as t
from rapport.workflows.accounts import (
    all_accounts,
    api_tokens_of,
    change_own_password,
    change_role,
    close_account,
    reopen_account,
    revoke_api_token,
)
from rapport.workflows.alert_rules import alert_rules, change_alert_rule
from rapport.workflows.company import Company
from rapport.workflows.outbox import outbox_view, retry_messages
from rapport.workflows.policy import contact_policies, preview_policy, set_policy
from rapport.workflows.resolve import resolve_company
from rapport.workflows.settings import change_company, company_settings
from rapport.workflows.users import (
    create_api_token,
    create_user,
    session_of,
    sign_in,
    user_of_api_token,
)
from tests.company import PASSWORD, empty_company
from tests.conftest import FakeClock
from tests.feedback import AGENT, complained, complaint
from tests.touchpoints import keep

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

ADMIN = "zsofia@kadar.example"
OTHER = "another battery staple"
RULE: dict[str, Any] = {
    "score_max": 3.0, "share_max": None, "sentiment_max": None, "max_age_days": 7.0,
    "due_hours": 4.0, "priority": 1, "owner_email": AGENT, "enabled": True, "actor": ADMIN,
}  # fmt: skip


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def user(company: Company, email: str, role: str) -> int:
    return create_user(company, email=email, name="", role=role, password=PASSWORD).user_id


def test_somebody_who_can_manage_users_always_remains(company: Company) -> None:
    first, agent = user(company, ADMIN, "admin"), user(company, AGENT, "agent")
    with pytest.raises(Conflict, match="another administrator"):
        change_role(company, first, role="agent", actor=ADMIN)
    with pytest.raises(Conflict, match="another administrator"):
        close_account(company, first, actor=AGENT)
    with pytest.raises(Conflict, match="your own"):
        close_account(company, first, actor=ADMIN)
    change_role(company, agent, role="admin", actor=ADMIN)
    close_account(company, first, actor=AGENT)
    closed = next(a for a in all_accounts(company) if a.user_id == first)
    assert closed.disabled_at == company.clock()
    with pytest.raises(NotSignedIn):
        sign_in(company, email=ADMIN, password=PASSWORD)
    reopen_account(company, first, actor=AGENT)
    assert sign_in(company, email=ADMIN, password=PASSWORD)
    with pytest.raises(InvalidInput, match="'king'"):
        change_role(company, agent, role="king", actor=ADMIN)
    with pytest.raises(NotFound):
        change_role(company, 999, role="agent", actor=ADMIN)


def test_who_did_what_is_written_down(company: Company) -> None:
    agent = user(company, AGENT, "agent")
    user(company, ADMIN, "admin")
    change_role(company, agent, role="manager", actor=ADMIN)
    with company.ledger.read() as connection:
        rows = connection.execute(select(t.audit.c.actor, t.audit.c.action, t.audit.c.subject))
        assert (ADMIN, "user.role", AGENT) in rows.all()


def test_changing_ones_password_signs_other_browsers_out(company: Company) -> None:
    own = user(company, AGENT, "agent")
    here, there = (sign_in(company, email=AGENT, password=PASSWORD) for _ in range(2))
    with pytest.raises(NotAllowed, match="present password"):
        change_own_password(company, own, current="wrong", password=OTHER, keep_session=here)
    with pytest.raises(InvalidInput):
        change_own_password(company, own, current=PASSWORD, password="short", keep_session=here)
    change_own_password(company, own, current=PASSWORD, password=OTHER, keep_session=here)
    assert session_of(company, here) is not None
    assert session_of(company, there) is None
    assert sign_in(company, email=AGENT, password=OTHER)


def test_a_revoked_token_opens_nothing(company: Company) -> None:
    own, other = user(company, AGENT, "agent"), user(company, ADMIN, "admin")
    token = create_api_token(company, email=AGENT, name="warehouse")
    (known,) = api_tokens_of(company, own)
    assert (known.name, user_of_api_token(company, token) is not None) == ("warehouse", True)
    with pytest.raises(NotFound):
        revoke_api_token(company, other, known.token_id)
    revoke_api_token(company, own, known.token_id)
    assert user_of_api_token(company, token) is None


def test_the_policy_says_whom_it_holds_back_before_it_is_set(
    company: Company, clock: FakeClock
) -> None:
    complained(company)
    (shown,) = contact_policies(company)
    assert (shown.policy.max_messages, shown.people_at_cap, shown.people_contacted) == (3, 0, 0)
    with company.ledger.write() as connection:
        people = connection.scalars(select(t.profile.c.profile_id)).all()
        for hours, person in ((1, people[0]), (2, people[0]), (3, people[1]), (24 * 9, people[1])):
            record_human_contact(
                connection,
                company.ledger,
                profile_id=person,
                channel="phone",
                at=clock() - timedelta(hours=hours),
            )
    assert preview_policy(company, max_messages=3, window_days=7).people_by_contacts == {1: 1, 2: 1}
    assert preview_policy(company, max_messages=2, window_days=7).people_at_cap == 1
    assert preview_policy(company, max_messages=2, window_days=10).people_at_cap == 2
    set_to = set_policy(
        company, shown.policy.policy_id, max_messages=2, window_days=10, enabled=True, actor=ADMIN
    )
    assert (set_to.people_at_cap, set_to.people_contacted) == (2, 2)


def test_contacts_of_a_merged_profile_count_for_who_it_became(
    company: Company, clock: FakeClock
) -> None:
    complained(company)
    with company.ledger.write() as connection:
        old, now = connection.scalars(select(t.profile.c.profile_id)).all()[:2]
        for person, hours in ((old, 1), (now, 2)):
            record_human_contact(
                connection,
                company.ledger,
                profile_id=person,
                channel="phone",
                at=clock() - timedelta(hours=hours),
            )
        merged = update(t.profile).where(t.profile.c.profile_id == old)
        connection.execute(merged.values(merged_into=now))
    assert preview_policy(company, max_messages=2, window_days=7).people_by_contacts == {2: 1}


@pytest.mark.parametrize(("messages", "days"), [(-1, 7), (1001, 7), (3, 0), (3, 400)])
def test_a_policy_out_of_bounds_is_refused(company: Company, messages: int, days: int) -> None:
    complained(company)
    with pytest.raises(InvalidInput):
        set_policy(company, 1, max_messages=messages, window_days=days, enabled=True, actor=ADMIN)
    assert contact_policies(company)[0].policy.max_messages == 3


def test_a_changed_alert_rule_decides_on_what_comes_next(company: Company) -> None:
    complained(company)
    change_alert_rule(company, 1, **RULE)
    mild = complaint(company, 5, "c@kadar.example", score=5.0, text=None)
    keep(company, [mild, complaint(company, 6, "d@kadar.example", score=3.0, text=None)])
    assert resolve_company(company).tickets == 1
    with company.ledger.read() as connection:
        newest = connection.execute(select(t.ticket).order_by(t.ticket.c.ticket_id.desc())).first()
    assert newest is not None
    assert newest.priority == 1
    assert newest.due_at == company.clock() + timedelta(hours=4)
    change_alert_rule(company, 1, **RULE | {"enabled": False})
    keep(company, [complaint(company, 7, "e@kadar.example", score=0.0)])
    assert resolve_company(company).tickets == 0


def test_every_mistake_of_a_rule_is_named_at_once(company: Company) -> None:
    complained(company)
    wrong = {"score_max": 11.0, "sentiment_max": float("nan"), "due_hours": 0.0, "priority": 9}
    with pytest.raises(InvalidInput) as mistakes:
        change_alert_rule(company, 1, **RULE | wrong)
    for name in ("score_max", "sentiment_max", "due_hours", "priority"):
        assert name in str(mistakes.value)
    with pytest.raises(InvalidInput, match="neither scores nor words"):
        change_alert_rule(company, 1, **RULE | {"score_max": None})
    assert alert_rules(company)[0].definition.score_max == 6.0


def test_the_currency_is_free_until_amounts_are_kept_in_it(company: Company) -> None:
    given: dict[str, Any] = {
        "company_name": "Maison Kadár", "time_zone": "Europe/Budapest", "actor": ADMIN,
    }  # fmt: skip
    assert change_company(company, reporting_currency="huf", **given).reporting_currency == "HUF"
    change_company(company, reporting_currency="EUR", **given)
    complained(company)
    with pytest.raises(Conflict, match="EUR already"):
        change_company(company, reporting_currency="HUF", **given)
    assert company_settings(company).company_name == "Maison Kadár"
    for wrong in ({"time_zone": "Mars/Base"}, {"company_name": " "}):
        with pytest.raises(InvalidInput):
            change_company(company, reporting_currency=None, **given | wrong)
    with pytest.raises(InvalidInput, match="4217"):
        change_company(company, reporting_currency="ZZZ", **given)


def test_only_a_failed_mail_to_a_colleague_is_sent_again(company: Company) -> None:
    complained(company)
    view = outbox_view(company)
    assert (view.counts["waiting"], view.mail_server) == (2, False)
    first = view.lines[0].outbox_id
    with pytest.raises(Conflict, match="waiting"):
        retry_messages(company, [first], actor=ADMIN)
    with company.ledger.write() as connection:
        failed = update(t.outbox).values(status="failed", attempts=20, last_error="no such host")
        connection.execute(failed.where(t.outbox.c.outbox_id == first))
    (line,) = outbox_view(company, status="failed").lines
    assert (line.may_retry, line.last_error) == (True, "no such host")
    assert retry_messages(company, [first], actor=ADMIN) == 1
    assert outbox_view(company).counts["failed"] == 0
    with company.ledger.write() as connection:
        to_customer = update(t.outbox).values(status="failed", contact_id=7)
        connection.execute(to_customer.where(t.outbox.c.outbox_id == first))
    (line,) = outbox_view(company, status="failed").lines
    assert (line.recipient, line.subject, line.may_retry) == (None, "", False)
    with pytest.raises(Conflict, match="gave its slot back"):
        retry_messages(company, [first], actor=ADMIN)
    with pytest.raises(NotFound):
        retry_messages(company, [999], actor=ADMIN)
