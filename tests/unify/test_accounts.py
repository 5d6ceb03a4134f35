"""Accounts: companies with the people we know of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from rapport.engines.ledger import Ledger
from rapport.unify.group_words import oldest_records, say_word
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import Touchpoint
from tests.unify.sightings import NOON
from tests.unify.told import accounts, profile_with, records_of, rederive, said, tell

ACME = said(
    "crm_account:K1", "business_id:BE0999103661", name="Acme BV", company="Acme BV",
    properties={"is_company": True, "website": "https://www.acme-tools.be/nl"},
)  # fmt: skip


def contact(number: int, name: str, *others: str, **more: Any) -> Touchpoint:
    return said(f"crm_contact:{number}", *others, name=name, **more)


def test_people_who_name_a_company_become_its_contacts_and_stay_themselves(ledger: Ledger) -> None:
    tell(ledger, ACME, contact(1, "Jan Maes", company="ACME b.v."), contact(2, "Els Claes"))
    assert accounts(ledger) == {"Acme BV": [("1", False, False)]}
    assert len(records_of(ledger)) == 3
    with ledger.read() as connection:
        row = connection.execute(select(t.account)).one()
    assert (row.people, row.business_id, row.domain) == (1, "BE0999103661", "acme-tools.be")


def test_a_silo_s_number_of_the_company_makes_a_contact(ledger: Ledger) -> None:
    tell(ledger, ACME, said("crm_contact:1", name="Jan Maes", properties={"account_id": "K1"}))
    assert accounts(ledger) == {"Acme BV": [("1", False, False)]}


def test_a_domain_only_suggests_and_a_provider_s_does_not(ledger: Ledger) -> None:
    tell(
        ledger,
        ACME,
        said("crm_account:K2", "email:bakker@gmail.com", name="Bakker BV", company="Bakker BV"),
        contact(1, "Jan Maes", "email:jan.maes@acme-tools.be"),
        contact(2, "Els Claes", "email:els@gmail.com"),
    )
    assert accounts(ledger) == {"Acme BV": [("1", True, False)], "Bakker BV": []}


def test_a_mailbox_of_two_companies_suggests_nobody(ledger: Ledger) -> None:
    tell(
        ledger,
        said("crm_account:K1", "email:compta@fiduciaire.be", name="Hôtel SA", company="Hôtel SA"),
        said("crm_account:K2", "email:compta@fiduciaire.be", name="Parc SRL", company="Parc SRL"),
        contact(1, "Jan Maes", "email:jan@fiduciaire.be"),
    )
    assert accounts(ledger) == {"Hôtel SA": [], "Parc SRL": []}


def test_a_name_of_two_companies_decides_nothing_alone(ledger: Ledger) -> None:
    tell(
        ledger,
        said(
            "crm_account:K1", "business_id:BE0999103661", name="De Linde BV", company="De Linde BV"
        ),
        said(
            "crm_account:K2", "business_id:BE0999100889", name="De Linde NV", company="De Linde NV"
        ),
        contact(1, "Jan Maes", company="De Linde"),
        said(
            "crm_contact:2", name="Els Claes", company="De Linde", properties={"account_id": "K2"}
        ),
    )
    assert accounts(ledger) == {"De Linde BV": [], "De Linde NV": [("2", False, False)]}


def test_a_company_that_only_people_name_needs_two_of_them(ledger: Ledger) -> None:
    tell(ledger, contact(1, "Jan Maes", company="Studio Noord"))
    assert accounts(ledger) == {}
    tell(ledger, contact(2, "Els Claes", company="Studio Noord BV"))
    [people] = accounts(ledger).values()
    assert [each[0] for each in people] == ["1", "2"]
    tell(ledger, said("crm_account:K1", name="Studio Noord CommV", company="Studio Noord CommV"))
    assert list(accounts(ledger)) == ["Studio Noord CommV"]
    assert len(accounts(ledger)["Studio Noord CommV"]) == 2


def test_no_company_is_no_account(ledger: Ledger) -> None:
    typed = ("n.v.t.", "Privé", "-", "particulier", "BV", "N/A") * 2
    tell(ledger, *(contact(n, "Jan Maes", company=text) for n, text in enumerate(typed)))
    assert accounts(ledger) == {}


def test_who_names_another_company_since_left(ledger: Ledger) -> None:
    tell(ledger, ACME, contact(1, "Jan Maes", company="Acme"))
    tell(ledger, said("crm_contact:1", name="Jan Maes", company="Bakker", days=9))
    assert accounts(ledger) == {"Acme BV": [("1", False, True)]}
    with ledger.read() as connection:
        assert connection.scalar(select(t.account.c.people)) == 0


def test_a_colleague_s_word_counts_over_names_and_domains(ledger: Ledger) -> None:
    tell(ledger, ACME, contact(1, "Jan Maes", company="Acme"), contact(2, "Els Claes"))
    jan, els, acme = (profile_with(ledger, record) for record in ("1", "2", "K1"))
    with ledger.write() as connection:
        records = oldest_records(connection, [jan, els, acme])
        for person, together in ((jan, False), (els, True)):
            say_word(
                connection, "account", records[person], records[acme], together=together,
                author="els@kadar.example", reason="", at=NOON,
            )  # fmt: skip
        rederive(connection, ledger, {jan, els})
    assert accounts(ledger) == {"Acme BV": [("2", False, False)]}
