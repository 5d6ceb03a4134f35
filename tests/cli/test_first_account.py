"""A company that is not the demo starts protected too."""

from __future__ import annotations

from sqlalchemy import select

from rapport.settings import Settings
from rapport.vocabulary.ledger_tables import alert_rule, contact_policy
from rapport.workflows.company import Company, open_company
from tests.cli.conftest import Rapport

PASSWORD = ("--password", "long enough for this")


def _defaults(company: Company) -> tuple[list[tuple[int, int]], list[str]]:
    with company.ledger.read() as connection:
        policies = connection.execute(
            select(contact_policy.c.max_messages, contact_policy.c.window_days).where(
                contact_policy.c.enabled
            )
        )
        owners = connection.execute(select(alert_rule.c.owner_email).where(alert_rule.c.enabled))
        return [tuple(row) for row in policies], [row.owner_email for row in owners]


def test_the_first_account_brings_the_contact_policy_and_owns_the_alerts(rapport: Rapport) -> None:
    assert rapport("user", "add", "owner@shop.example", "--role", "admin", *PASSWORD).code == 0
    with open_company(Settings()) as company:
        assert _defaults(company) == ([(3, 7)], ["owner@shop.example"])


def test_later_accounts_bring_back_nothing_that_was_taken_away(rapport: Rapport) -> None:
    rapport("user", "add", "owner@shop.example", "--role", "admin", *PASSWORD)
    with open_company(Settings()) as company, company.ledger.write() as connection:
        connection.execute(alert_rule.delete())
        connection.execute(contact_policy.delete())
    rapport("user", "add", "agent@shop.example", *PASSWORD)
    with open_company(Settings()) as company:
        assert _defaults(company) == ([], [])
