"""Matching a company's records, and finding somebody among them, through workflow, API and page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from rapport.errors import InvalidInput
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.ledger_tables import pair_score
from rapport.vocabulary.touchpoint import RECORD_SEEN
from rapport.workflows.company import Company
from rapport.workflows.customer_changes import customer_identity, separate_customer, undo
from rapport.workflows.customer_list import list_customers
from rapport.workflows.ingest import apply_journal
from rapport.workflows.lookup import index_folder, look_up
from rapport.workflows.matching import match_company
from rapport.workflows.refresh import refresh_profiles
from tests.company import empty_company, visitor
from tests.feedback import with_token
from tests.touchpoints import keep, touchpoint

pytestmark = pytest.mark.slow  # a company is matched whole, again and again

#: The same two people as two silos know them, without an identifier in common; and a namesake.
_CRM = (
    ("c1", {"name": "Szűcs Ágnes", "birthday": "1984-05-17", "street": "Fő utca 12",
            "postal_code": "6720", "city": "Szeged", "country": "HU"}),
    ("c2", {"name": "Jan van den Berghe", "birthday": "1959-02-03", "street": "Kerkstraat 4",
            "postal_code": "9000", "city": "Gent", "country": "BE", "phone": "0470 12 34 56"}),
    ("c3", {"name": "Ágnes Szűcs", "birthday": "1991-11-30", "city": "Pécs",
            "postal_code": "7621", "country": "HU"}),
)  # fmt: skip
_SHOP = (
    ("s1", {"first_name": "Agnes", "last_name": "Szucs", "birthday": "1984-05-17",
            "street": "Fo u. 12.", "postal_code": "6720", "city": "Szeged", "country": "HU",
            "email": "agi.szucs@posta.example"}),
    ("s2", {"first_name": "Jan", "last_name": "Vandenberghe", "birthday": "1959-02-03",
            "street": "Kerkstr. 4", "postal_code": "9000", "city": "Gand", "country": "BE",
            "email": "jan@berghe.example"}),
)  # fmt: skip


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with empty_company(tmp_path) as company:
        keep(
            company,
            [
                touchpoint(
                    f"{source}:{key}",
                    type=RECORD_SEEN,
                    source=source,
                    record=Identifier(kind=kind, value=key, namespace=source),
                    traits=traits,
                )
                for source, kind, rows in (
                    ("crm", "crm_contact", _CRM),
                    ("shop", "user_id", _SHOP),
                )
                for key, traits in rows
            ],
        )
        apply_journal(company)
        refresh_profiles(company)
        yield company


def _names(company: Company) -> list[str | None]:
    return sorted(row.name or "" for row in list_customers(company, reveal=True).rows)


def test_records_that_are_alike_become_one_person_and_namesakes_do_not(company: Company) -> None:
    assert len(_names(company)) == 5
    done = match_company(company)
    assert (done.records, done.merged, done.learnt) == (5, 2, False)
    assert len(_names(company)) == 3
    again = match_company(company)
    assert (again.changed, again.merged, again.split) == (0, 0, 0)


def test_a_merge_by_likeness_is_undone_for_good(company: Company) -> None:
    match_company(company)
    found = look_up(company, {"name": "Jan Vandenberghe", "birthday": "3/2/1959"})
    joined = found.matches[0].profile_id
    identity = customer_identity(company, joined, reveal=True)
    undo(company, identity.undoable[0], author="sofie@kadar.example")
    assert len(_names(company)) == 4
    match_company(company)
    assert len(_names(company)) == 4


def test_who_calls_is_found_by_what_he_says(company: Company) -> None:
    by_number = look_up(company, {"phone": "+32470123456"})
    assert [m.by for m in by_number.matches] == ["phone"]
    assert not by_number.by_likeness  # nothing was matched yet
    match_company(company)
    found = look_up(company, {"name": "van den Berghe", "birthday": "03.02.1959"})
    assert found.by_likeness
    assert found.matches[0].name in ("Jan van den Berghe", "Jan Vandenberghe")
    by_mail = look_up(company, {"email": "JAN@berghe.example"})
    assert (by_mail.matches[0].certain, by_mail.matches[0].by) == (True, "email")
    assert look_up(company, {"name": "Nobody Whatsoever", "postal_code": "1000"}).matches == ()


def test_asking_changes_nothing_and_asking_for_nothing_is_refused(company: Company) -> None:
    match_company(company)
    before = _names(company)
    look_up(company, {"name": "Jan Vandenberghe", "birthday": "3/2/1959", "phone": "0498 765432"})
    assert _names(company) == before
    for nothing in ({}, {"name": "  "}, {"country": "BE"}, {"shoe_size": "42"}):
        with pytest.raises(InvalidInput):
            look_up(company, nothing)


def test_one_index_is_kept_and_the_last_one_for_those_who_read_it(company: Company) -> None:
    for _ in range(3):
        match_company(company)
    assert len(list(index_folder(company).iterdir())) == 2


def test_people_who_were_separated_stay_apart_when_matched_again(company: Company) -> None:
    match_company(company)
    found = look_up(company, {"name": "Szűcs Ágnes", "birthday": "1984-05-17"})
    here = found.matches[0].profile_id
    records = customer_identity(company, here, reveal=True).explanation.records
    separate_customer(
        company, here, [int(records[0].atom_id)], author="sofie@kadar.example", reason="two people"
    )
    match_company(company)
    assert len(_names(company)) == 4


def test_the_api_and_the_page_answer_who_it_is(company: Company) -> None:
    match_company(company)
    with visitor(company, role="agent") as client:
        with_token(company, client)
        answer = client.post("/api/v1/identity/lookup", json={"email": "jan@berghe.example"})
        assert answer.status_code == 200
        assert answer.json()["matches"][0]["certain"] is True
        assert client.post("/api/v1/identity/lookup", json={"shoe": "42"}).status_code == 400
        assert client.get("/customers/lookup").status_code == 200
        page = client.post("/customers/lookup", data={"name": "berghe jan", "birthday": "3/2/1959"})
        assert page.status_code == 200
        assert "Berghe" in page.text or "Vandenberghe" in page.text
        assert client.post("/customers/lookup", data={}).status_code == 200


def _arrives(company: Company, key: str, **traits: str) -> None:
    record = Identifier(kind="user_id", value=key, namespace="chat")
    keep(
        company,
        [touchpoint(f"chat:{key}", type=RECORD_SEEN, source="chat", record=record, traits=traits)],
    )
    apply_journal(company)
    refresh_profiles(company)


def test_whoever_arrives_and_is_plainly_known_is_joined_at_once(company: Company) -> None:
    match_company(company)
    _arrives(
        company, "k1", name="Jan van den Berghe", birthday="1959-02-03", street="Kerkstraat 4",
        postal_code="9000", city="Gent", country="BE", phone="+32470123456",
    )  # fmt: skip
    assert len(_names(company)) == 3


def test_whoever_arrives_and_may_be_known_is_suggested_and_joined_to_nobody(
    company: Company,
) -> None:
    match_company(company)
    _arrives(company, "k2", name="Szűcs Ágnes", country="HU")
    _arrives(company, "k3", name="Nobody Whatsoever", postal_code="1000", country="BE")
    assert len(_names(company)) == 5
    with company.ledger.read() as connection:
        open_pairs = connection.execute(
            select(func.count()).select_from(pair_score).where(pair_score.c.joined.is_(False))
        ).scalar_one()
    assert open_pairs >= 1
