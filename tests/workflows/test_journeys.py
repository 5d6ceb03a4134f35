"""Journeys of a company: versions of definitions, figures that agree, and warnings once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from rapport.act.alert_mail import Owner
from rapport.act.journey_alerts import (
    JourneyProblem,
    close_journey_alerts,
    journey_mail,
    raise_journey_alerts,
)
from rapport.act.source_alerts import Colleague
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.settings import Settings
from rapport.understand.journeys.definition import JourneyDefinition, Stage
from rapport.vocabulary.ledger_tables import outbox, ticket
from rapport.workflows.company import Company, open_company
from rapport.workflows.journeys import (
    JourneyView,
    find_journey,
    journey_report,
    journey_versions,
    list_journeys,
    proposed_journey,
    save_journey,
    step_people,
    take_back_journey,
    watch_journeys,
)
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.small_company import small_company

BOSS = "sofie@kadar.example"
OWN = JourneyDefinition(
    stages=(
        Stage(key="look", name="Look", types=("Product Viewed",)),
        Stage(key="buy", types=("Order Completed",)),
    )
)


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


# ── definitions ────────────────────────────────────────────────────────────────────────────────


def test_every_change_is_a_version_and_the_newest_holds(company: Company) -> None:
    key = save_journey(company, name="Első út", definition=OWN, author=BOSS)
    assert key == "elso-ut"

    longer = replace(OWN, silence_days=90)
    save_journey(company, name="Első út", definition=longer, author=BOSS, key=key)

    assert find_journey(company, key).definition == longer
    assert find_journey(company, key).version == 2
    assert [v.definition for v in journey_versions(company, key)] == [longer, OWN]


def test_a_ready_made_journey_can_be_changed_and_brought_back(company: Company) -> None:
    before = find_journey(company, "service")
    changed = replace(before.definition, window_days=20)

    save_journey(company, name="ignored", definition=changed, author=BOSS, key="service")
    assert find_journey(company, "service").definition == changed
    assert find_journey(company, "service").ready_made

    take_back_journey(company, "service", author=BOSS)
    assert find_journey(company, "service") == before
    assert [v.version for v in journey_versions(company, "service")] == [2, 1]


def test_a_deleted_journey_is_gone_but_its_versions_stay(company: Company) -> None:
    key = save_journey(company, name="Own", definition=OWN, author=BOSS)
    take_back_journey(company, key, author=BOSS)

    with pytest.raises(NotFound):
        find_journey(company, key)
    assert len(journey_versions(company, key)) == 2
    with pytest.raises(NotFound):
        save_journey(company, name="Own", definition=OWN, author=BOSS, key=key)
    with pytest.raises(NotFound):
        take_back_journey(company, key, author=BOSS)
    # The name is free again, under another address: the old one has its history.
    assert save_journey(company, name="Own", definition=OWN, author=BOSS) == "own-2"


def test_names_are_needed_and_unique_and_never_an_address_of_a_page(company: Company) -> None:
    save_journey(company, name="Own", definition=OWN, author=BOSS)
    with pytest.raises(Conflict, match="choose another"):
        save_journey(company, name=" Own ", definition=OWN, author=BOSS)
    with pytest.raises(InvalidInput, match="1 to 80"):
        save_journey(company, name="  ", definition=OWN, author=BOSS)
    assert save_journey(company, name="New", definition=OWN, author=BOSS) == "new-1"


def test_an_invalid_definition_is_not_kept(company: Company) -> None:
    with pytest.raises(InvalidInput, match="goal"):
        save_journey(company, name="Own", definition=replace(OWN, goal="x"), author=BOSS)
    assert all(each.ready_made for each in list_journeys(company))


def test_a_company_without_touchpoints_has_no_report_and_no_proposal(company: Company) -> None:
    assert journey_report(company, find_journey(company, "service"), JourneyView()) is None
    assert proposed_journey(company) is None
    assert watch_journeys(company).opened == 0


def test_an_address_that_asks_for_nonsense_is_told_what_there_is(company: Company) -> None:
    service = find_journey(company, "service")
    for view, part in (
        (JourneyView(days=7), "90, 180, 365"),
        (JourneyView(by="shoe size"), "country, channel"),  # type: ignore[arg-type]
        (JourneyView(first="heaven"), "ask, solved, come_back"),
    ):
        with pytest.raises(InvalidInput, match=part):
            journey_report(company, service, view)


# ── figures ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_figures_of_a_company_agree_with_each_other(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = small_company(tmp_path_factory.getbasetemp())
    with open_company(Settings(data=str(place))) as company:
        for journey in list_journeys(company):
            report = journey_report(company, journey, JourneyView(days=365))
            assert report is not None
            assert sum(f.journeys for f in report.flows if f.end) == report.journeys
            assert report.paths.journeys == report.journeys
            keys = [stage.key for stage in report.definition.stages]
            for each in report.bottlenecks:
                found = step_people(
                    company, journey, JourneyView(days=365), keys[each.step],
                    split=True, part=each.part,
                )  # fmt: skip
                assert found.total == each.customers - each.went_on
                assert all(person.name or person.profile_id for person in found.people)
        # Carriers say when parcels came, so that the step is seen.
        online = journey_report(company, find_journey(company, "online_order"), JourneyView())
        assert online is not None
        assert keys_of(online) == [("consider", "buy"), ("buy", "receive")]
        assert online.steps[1].share is not None
        assert online.steps[1].share > 0.5
        # Nothing was ever recorded of use; it is said, and no step waits for it.
        assert [online.definition.stages[n].key for n in online.missing] == ["use"]


def keys_of(report: Any) -> list[tuple[str, str]]:
    stages = report.definition.stages
    return [(stages[each.step].key, stages[each.to].key) for each in report.steps]


# ── warnings ───────────────────────────────────────────────────────────────────────────────────

SINCE = datetime(2026, 8, 30, tzinfo=UTC)
PROBLEM = JourneyProblem(
    journey="online_order", journey_name=None, stage="buy", stage_name=None, to="receive",
    to_name=None, by="country", part="BE", kind="failure", value=0.341, usual=0.074, limit=0.143,
    n=179, since=SINCE,
)  # fmt: skip


def open_for(company: Company, *problems: JourneyProblem, colleagues: int = 2) -> list[int]:
    told = [Colleague(email=f"manager{n}@kadar.example") for n in range(colleagues)]
    with company.ledger.write() as connection:
        return raise_journey_alerts(
            connection, company.ledger, problems, told, owners={}, at=company.clock(),
            public_url="https://rapport.example",
        )  # fmt: skip


def rows(company: Company, table: Any) -> list[Any]:
    with company.ledger.read() as connection:
        return list(connection.execute(select(table)))


def test_a_step_that_drifts_is_one_ticket_and_one_mail_for_each_who_looks_after_it(
    company: Company,
) -> None:
    assert len(open_for(company, PROBLEM)) == 1
    worse = replace(PROBLEM, value=0.5, since=SINCE + timedelta(days=7))
    assert open_for(company, PROBLEM, worse) == []

    (opened,) = rows(company, ticket)
    assert (opened.owner_email, opened.facts["part"]) == ("manager0@kadar.example", "BE")
    assert [mail.recipient for mail in rows(company, outbox)] == [
        "manager0@kadar.example",
        "manager1@kadar.example",
    ]


def test_a_journey_with_an_owner_warns_that_owner_alone(company: Company) -> None:
    open_for(company, replace(PROBLEM, owner_email="owner@kadar.example"), colleagues=3)

    (mail,) = rows(company, outbox)
    assert mail.recipient == "owner@kadar.example"


def test_a_ticket_closes_itself_and_the_same_incident_is_not_told_twice(company: Company) -> None:
    open_for(company, PROBLEM)
    with company.ledger.write() as connection:
        assert close_journey_alerts(connection, company.ledger, [PROBLEM], at=company.clock()) == 0
        assert close_journey_alerts(connection, company.ledger, [], at=company.clock()) == 1

    assert open_for(company, PROBLEM) == []
    # What began later is another one.
    assert len(open_for(company, replace(PROBLEM, since=SINCE + timedelta(days=28)))) == 1


def test_without_anybody_to_tell_nothing_is_opened(company: Company) -> None:
    assert open_for(company, PROBLEM, colleagues=0) == []
    assert rows(company, ticket) == []


@pytest.mark.parametrize("language", ["en", "nl", "fr", "hu"])
@pytest.mark.parametrize("kind", ["failure", "time"])
def test_the_mail_names_step_place_and_figures_in_the_readers_language(
    language: str, kind: str
) -> None:
    facts = {
        "journey": "online_order", "stage": "buy", "to": "own_stage", "to_name": "Mine",
        "by": "country", "part": "BE", "kind": kind, "n": 179, "since": SINCE.isoformat(),
        "value": 0.341 if kind == "failure" else 2.5 * 86_400,
        "usual": 0.074 if kind == "failure" else 1.9 * 86_400,
        "limit": 0.143 if kind == "failure" else 2.2 * 86_400,
    }  # fmt: skip
    reader = Colleague(email=BOSS, reads=Owner(language=language))

    mail = journey_mail(facts, colleague=reader, link="https://rapport.example/inbox/7")

    belgium = {"en": "Belgium", "nl": "België", "fr": "Belgique", "hu": "Belgium"}[language]
    figure = {"failure": "34", "time": "2"}[kind] + {"en": "."}.get(language, ",")
    for part in (belgium, "Mine", figure, "https://rapport.example/inbox/7"):
        assert part in mail.text
    assert "{" not in mail.text + mail.subject
