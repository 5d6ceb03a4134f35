"""Discovered groups kept in a company: ids and names that stay, members, jobs, pages and API."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import delete, select

from rapport.errors import InvalidInput, NotFound
from rapport.settings import Settings
from rapport.understand.personas.stored import (
    erase_person,
    export_person,
    keep_portraits,
    newest_fit,
)
from rapport.understand.personas.words import Word
from rapport.vocabulary.ledger_tables import job, persona_member, segment_member
from rapport.web.words import t
from rapport.workflows.company import Company, open_company
from rapport.workflows.customer_names import names_of
from rapport.workflows.demo import DEMO_USERS
from rapport.workflows.persona_searches import (
    personas_are_due,
    renew_personas,
    request_personas,
)
from rapport.workflows.persona_views import (
    find_migration,
    find_portrait,
    list_personas,
    rename_persona,
)
from rapport.workflows.persona_voices import texts_of_segment
from rapport.workflows.personas import find_personas, place_personas
from rapport.workflows.segment_definitions import all_segments, delete_segment, find_segment
from rapport.workflows.segments import count_rule, segments_overview
from tests.company import visitor
from tests.conftest import FakeClock
from tests.feedback import with_token
from tests.personas import plant_groups
from tests.small_company import copy_of_small_company

pytestmark = pytest.mark.slow  # a whole company each: not before every commit


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime.now(UTC))


@pytest.fixture
def company(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, clock: FakeClock
) -> Iterator[Company]:
    folder = copy_of_small_company(tmp_path_factory.getbasetemp(), tmp_path / "own")
    with open_company(Settings(data=str(folder)), clock=clock) as opened:
        yield opened


def members_of(company: Company) -> dict[str, int]:
    with company.ledger.read() as connection:
        rows = connection.execute(select(persona_member)).all()
    return {row.profile_id: row.persona_id for row in rows}


def test_a_small_company_is_told_that_it_has_too_few_customers(company: Company) -> None:
    fit = find_personas(company)
    assert (fit.status, fit.reason) == ("refused", "customers")
    assert members_of(company) == {}
    assert list_personas(company).personas == ()
    assert find_portrait(company, "champions").members > 0


def test_groups_keep_id_and_name_when_they_are_searched_anew(company: Company) -> None:
    first = plant_groups(company)
    before = members_of(company)
    assert set(before.values()) == set(first.persona_ids) == {1, 2}
    rename_persona(company, "persona-1", "  Faithful   few ", author="a@kadar.example")
    again = plant_groups(company)
    assert again.persona_ids == first.persona_ids
    assert members_of(company) == before
    fit, known = find_migration(company)
    assert fit.migration is not None
    assert fit.migration.since == first.fit_id
    assert set(fit.migration.fates.values()) == {"kept"}
    assert all(flow.before == flow.now for flow in fit.migration.flows)
    assert [each.name for each in known] == ["Faithful few", None]
    assert all(each.traits for each in known)


def test_groups_that_are_not_found_again_have_nobody_and_come_back_with_their_ids(
    company: Company,
) -> None:
    ids = plant_groups(company).persona_ids
    find_personas(company)
    assert members_of(company) == {}
    with pytest.raises(NotFound, match="no discovered group"):
        find_segment(company, "persona-1")
    assert plant_groups(company).persona_ids == ids


def test_a_group_is_a_segment_with_its_members(company: Company) -> None:
    plant_groups(company)
    segment = find_segment(company, "persona-2")
    assert segment in all_segments(company)
    size = sum(1 for group in members_of(company).values() if group == 2)
    assert size > 0
    assert count_rule(company, segment.rule).members == size
    row = next(row for row in segments_overview(company) if row.segment == segment)
    assert row.figures.customers == size
    portrait = find_portrait(company, "persona-2")
    assert (portrait.members, portrait.described) == (size, size)
    assert portrait.everybody == len(members_of(company))
    with pytest.raises(InvalidInput, match="was discovered"):
        delete_segment(company, "persona-2", author="a@kadar.example")


def test_whoever_is_in_no_group_yet_is_placed_in_the_daily_run(company: Company) -> None:
    plant_groups(company)
    before = members_of(company)
    newcomer = min(before)
    with company.ledger.write() as connection:
        connection.execute(delete(persona_member).where(persona_member.c.profile_id == newcomer))
    place_personas(company)
    assert members_of(company) == before


def test_groups_are_searched_weekly_and_everybody_is_placed_daily(
    company: Company, clock: FakeClock
) -> None:
    plant_groups(company)
    assert not personas_are_due(company)
    clock.advance(timedelta(days=1))
    assert personas_are_due(company)
    renew_personas(company)
    assert not personas_are_due(company)
    with company.ledger.read() as connection:
        placed = newest_fit(connection)
    assert placed is not None
    clock.advance(timedelta(days=6))
    renew_personas(company)
    with company.ledger.read() as connection:
        searched = newest_fit(connection)
    assert searched is not None
    assert searched.fit_id == placed.fit_id + 1


def test_a_search_that_was_asked_for_is_a_job_and_is_made_once(company: Company) -> None:
    plant_groups(company)
    number = request_personas(company, author="a@kadar.example")
    assert request_personas(company, author="b@kadar.example") == number
    assert list_personas(company).working
    assert personas_are_due(company)
    renew_personas(company)
    view = list_personas(company)
    assert not view.working
    with company.ledger.read() as connection:
        row = connection.execute(select(job).where(job.c.job_id == number)).one()
    assert (row.status, row.result["fit"]) == ("done", view.fit.fit_id if view.fit else None)


def test_a_person_is_exported_and_forgotten(company: Company) -> None:
    plant_groups(company)
    person = min(members_of(company))
    with company.ledger.write() as connection:
        (row,) = export_person(connection, [person])["persona_member"]
        assert row["profile_id"] == person
        assert erase_person(connection, [person]) == {"persona_member": 1}
        assert export_person(connection, [person]) == {"persona_member": []}


def test_typical_texts_are_quoted_without_names_and_only_to_who_may_see_customers(
    company: Company,
) -> None:
    find_personas(company)
    with company.ledger.read() as connection:
        rows = connection.execute(select(segment_member.c.segment_key).distinct()).all()
    found = {key: find_portrait(company, key) for (key,) in rows}
    # The small company's three hundred customers write too little to be told apart by it.
    key = "champions"
    members = found[key].members
    words = tuple(
        Word(
            language=language, word=said, customers=9, known=40, share=0.2, everybody=0.1,
            lift=2.0, low=1.5, high=2.6, p_adjusted=0.01,
        )
        for language, said in (("fr", "commande"), ("nl", "bestelling"), ("nl", "niet"),
                               ("fr", "colis"), ("fr", "pour"), ("nl", "voor"), ("fr", "dans"))
    )  # fmt: skip
    with company.ledger.write() as connection:
        keep_portraits(connection, [replace(found[key], words=words)])
    texts = texts_of_segment(company, key)
    assert 0 < len(texts) <= min(members, 6)
    assert len({each.profile_id for each in texts}) == len(texts)
    with company.ledger.read() as connection:
        names = names_of(connection, [each.profile_id for each in texts])
    for each in texts:
        assert each.words
        said = re.findall(r"\w+", each.text.lower())
        assert not {part.lower() for part in (names[each.profile_id] or "").split()} & set(said)
        assert not re.search(r"\d{4}|@", each.text)
    for role, sees in (("manager", True), ("marketer", False)):
        demo = {user.role: user for user in DEMO_USERS}
        with visitor(company, role=None if role in demo else role) as client:
            if role in demo:
                sent = {"email": demo[role].email, "password": demo[role].password}
                client.post("/sign-in", data=sent, follow_redirects=False)
            page = client.get(f"/personas/{key}").text
            language = demo[role].language if role in demo else "en"
            assert t(language, "personas.said.words") in page
            assert (t(language, "personas.said.texts") in page) is sees
            answer = client.get(f"/api/v1/personas/{key}/texts")
            assert answer.status_code == (200 if sees else 403)
            if sees:
                assert [each["text"] for each in answer.json()] == [each.text for each in texts]
                assert html.escape(texts[0].text, quote=False)[:30] in page


def test_pages_and_api_show_groups_and_take_names(company: Company) -> None:
    plant_groups(company)
    (admin,) = (user for user in DEMO_USERS if user.role == "admin")
    with visitor(company) as opened:
        opened.post(
            "/sign-in",
            data={"email": admin.email, "password": admin.password},
            follow_redirects=False,
        )
        client = with_token(company, opened)
        page = client.get("/personas").text
        assert "/personas/persona-1" in page
        assert "2 (chosen)" in page
        one = client.get("/personas/persona-1").text
        assert "What they are not" in one
        assert client.get("/personas/champions").status_code == 200
        assert client.get("/personas/persona-99").status_code == 404
        view = client.get("/api/v1/personas").json()
        assert {row["persona"]["persona_id"] for row in view["personas"]} == {1, 2}
        assert client.get("/api/v1/personas/migration").json()["migration"] is None
        portrait = client.get("/api/v1/personas/persona-1").json()
        assert len(portrait["day"]["hours"]) == 48
        named = client.put("/api/v1/personas/persona-1/name", json={"name": "Regulars"})
        assert named.status_code == 200
        assert "Regulars" in client.get("/segments").text
