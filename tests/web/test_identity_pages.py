"""The pages on who is who: judged, approved, measured and tried through a browser's forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.model import level_keys
from rapport.unify.review import Scored, Step
from rapport.unify.stored_evidence import atoms_of
from rapport.web.parts.context import PageContext
from rapport.web.parts.likeness import (
    chance_words,
    share_words,
    step_words,
    weight_words,
    weights,
    why_words,
)
from rapport.web.words import LANGUAGES, catalogue
from rapport.workflows.company import Company
from rapport.workflows.customer_changes import join_customers
from rapport.workflows.identity_review import renew_queue
from rapport.workflows.identity_rules import run_identity_job
from tests.company import empty_company, visitor
from tests.conftest import FakeClock
from tests.customer_data import csrf, evil, fill, profile_named, someone
from tests.likeness import alike

pytestmark = pytest.mark.slow  # whole companies: not before every commit


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        now = clock()
        fill(
            opened,
            [
                *evil(now),
                someone(now, 1, "Jan Peeters", city="Gent", birthday="1980-01-02"),
                someone(now, 2, "Jan Pieters", city="Gent", birthday="1980-02-01"),
            ],
        )
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="admin") as opened:
        opened.headers.update(csrf(company, opened))
        yield opened


@pytest.fixture
def key(company: Company) -> str:
    ids = [profile_named(company, word) for word in ("Peeters", "Pieters")]
    with company.ledger.read() as connection:
        members = atoms_of(connection, ids)
    a, b = alike(company.ledger, members[ids[0]][0], members[ids[1]][0], 0.93)
    renew_queue(company)
    return f"{a}-{b}"


def post(client: TestClient[Any], path: str, **data: str) -> Any:
    return client.post(path, data=data, follow_redirects=False)


@pytest.mark.slow
def test_a_pair_is_judged_and_taken_back_from_the_message(
    client: TestClient[Any], key: str
) -> None:
    page = client.get("/identity").text
    for said in (
        "Probably one customer (93%)",
        "Jan Peeters",
        "Jan Pieters",
        "2 January 1980",
        "same name, rare",
        "speaks very strongly for",
        'data-key="s"',
        "data-keys",
    ):
        assert said in page, said
    answer = post(client, "/identity/verdict", pair=key, verdict="same")
    after = client.get(answer.headers["location"]).text
    assert "they are one customer now" in after
    assert "Nothing to review" in after
    number = re.search(r'name="decision" value="(\d+)"', after)
    assert number is not None
    back = post(client, "/identity/undo", decision=number[1])
    assert "everything is as it was before" in client.get(back.headers["location"]).text
    assert key in client.get("/identity").text


@pytest.mark.slow
def test_a_value_that_is_cut_is_said_to_be_and_not_to_count(
    tmp_path: Path, clock: FakeClock
) -> None:
    now = clock()
    long = "x" * 10_000
    people = [
        someone(now, 1, "Jan Peeters", city="Gent", email=f"{long}@mail.be"),
        someone(now, 2, "Jan Pieters", city="Gent", email="jan@mail.be"),
    ]
    with empty_company(tmp_path, clock=clock) as opened:
        fill(opened, people)
        ids = [profile_named(opened, word) for word in ("Peeters", "Pieters")]
        with opened.ledger.read() as connection:
            members = atoms_of(connection, ids)
        alike(opened.ledger, members[ids[0]][0], members[ids[1]][0], 0.93)
        renew_queue(opened)
        with visitor(opened, role="admin") as reader:
            shown = reader.get("/identity").text
    assert shown.count("does not count") == 1
    assert "Only the first 500 characters are kept." in shown
    assert f"{'x' * 120}…" in shown


@pytest.mark.slow
def test_a_pair_that_somebody_judged_meanwhile_gives_way_to_the_next(
    client: TestClient[Any], key: str
) -> None:
    post(client, "/identity/verdict", pair=key, verdict="different")
    late = post(client, "/identity/verdict", pair=key, verdict="same")
    assert "done=gone" in late.headers["location"]
    assert "Somebody decided this meanwhile" in client.get(f"/identity?pair={key}").text
    assert post(client, "/identity/verdict", pair=key, verdict="maybe").status_code == 400


@pytest.mark.slow
def test_only_who_may_merge_sees_the_pages(company: Company) -> None:
    with visitor(company, role="agent") as agent:
        for path in ("/identity", "/identity/approvals", "/identity/health", "/identity/rules"):
            refused = agent.get(path)
            assert refused.status_code == 403
            assert "Your role, agent, may not join and separate profiles" in refused.text
        assert "/identity" not in agent.get("/customers").text
    with visitor(company, role="manager") as manager:
        manager.headers.update(csrf(company, manager))
        assert manager.get("/identity/rules").status_code == 200
        refused = post(manager, "/identity/limits", records="5", value="1")
        assert refused.status_code == 403


@pytest.mark.slow
def test_a_proposal_is_approved_on_its_page_by_somebody_else(
    company: Company, client: TestClient[Any]
) -> None:
    company.choose("approval_records", 1)
    ids = [profile_named(company, word) for word in ("Peeters", "Pieters")]
    join_customers(company, *ids, author="tom@kadar.example", reason='<b onclick="x">')
    own = post(client, f"/customers/{ids[0]}/merge", other=ids[1], reason="")
    assert own.status_code == 409  # it is proposed already
    page = client.get("/identity/approvals").text
    assert "tom@kadar.example" in page
    assert "<b onclick" not in page
    number = re.search(r"/identity/approvals/(\d+)/approve", page)
    assert number is not None
    done = post(client, f"/identity/approvals/{number[1]}/approve")
    assert "Approved: it is done" in client.get(done.headers["location"]).text
    again = post(client, f"/identity/approvals/{number[1]}/approve")
    assert again.status_code == 409


@pytest.mark.slow
def test_the_inbox_leads_to_what_waits(company: Company, client: TestClient[Any]) -> None:
    company.choose("approval_records", 1)
    ids = [profile_named(company, word) for word in ("Peeters", "Pieters")]
    join_customers(company, *ids, author="tom@kadar.example", reason="")
    inbox = client.get("/inbox").text
    assert "waits for a second person" in inbox
    ticket = re.search(r"/inbox/(\d+)", inbox)
    assert ticket is not None
    assert 'href="/identity/approvals"' in client.get(f"/inbox/{ticket[1]}").text


@pytest.mark.slow
def test_health_and_rules_are_used_through_their_forms(
    company: Company, client: TestClient[Any]
) -> None:
    assert "Nothing was measured yet" in client.get("/identity/health").text
    post(client, "/identity/measure")
    assert "not enough decisions (0 of 20)" in client.get("/identity/health").text
    form = {"limit.crm_contact": "2"}
    post(client, "/identity/rules/try", **form)
    assert "Trying other rules" in client.get("/identity/rules").text
    run_identity_job(company)
    page = client.get("/identity/rules").text
    assert "Nothing would change" in page
    trial = re.search(r'name="trial" value="(\d+)"', page)
    assert trial is not None
    done = post(client, "/identity/rules/switch", trial=trial[1], reason="Two at most")
    assert "The new rules hold" in client.get(done.headers["location"]).text
    assert "CRM contact: at most 2" in client.get("/identity/rules").text
    post(client, "/identity/rules/undo")
    assert "Nobody has changed a rule yet" in client.get("/identity/rules").text
    wrong = {"limit.email": "many"}
    assert post(client, "/identity/rules/try", **wrong).status_code == 400
    assert post(client, "/identity/rules/try", merge="certain").status_code == 400
    cents = post(client, "/identity/limits", records="50", value="12,50")
    assert (cents.status_code, "a whole number such as 50, not &#39;12,50&#39;" in cents.text) == (
        400,
        True,
    )


def test_who_may_block_a_shared_value_sees_which_it_is(tmp_path: Path, clock: FakeClock) -> None:
    now = clock()
    shared = "gezin@mail.be"
    people = [
        someone(now, n, name, email=shared)
        for n, name in enumerate(("Jan Peeters", "Els Maes", "Luc Claes"), start=1)
    ]
    with empty_company(tmp_path, clock=clock) as opened:
        fill(opened, people)
        with visitor(opened, role="manager") as reader:
            reader.headers.update(csrf(opened, reader))
            post(reader, "/identity/measure")
            assert f"<bdi>{shared}</bdi>" in reader.get("/identity/health").text


@pytest.mark.slow
def test_the_api_says_and_does_the_same(client: TestClient[Any], key: str) -> None:
    (line,) = client.get("/api/v1/identity/suggestions").json()
    assert line["key"] == key
    review = client.get(f"/api/v1/identity/suggestions/{key}").json()
    assert [step["comparison"] for step in review["score"]["steps"]] == ["name", "birth", "phone"]
    said = client.post(f"/api/v1/identity/suggestions/{key}", json={"verdict": "same"}).json()
    explained = client.get(f"/api/v1/customers/{line['left']}/explanation").json()
    (link,) = explained["explanation"]["links"]
    assert link["fell"]["cut"]
    split = client.post(
        f"/api/v1/customers/{line['left']}/split",
        json={name: key.split("-")[place] for place, name in enumerate("ab")},
    )
    assert split.status_code == 200
    assert said["decision_id"] < split.json()["decision_id"]
    assert client.get("/api/v1/identity/suggestions/1-2").status_code == 409
    assert client.get("/api/v1/identity/suggestions/x").status_code == 404


@pytest.mark.slow
def test_through_the_api_what_is_large_is_accepted_and_waits(
    company: Company, client: TestClient[Any]
) -> None:
    company.choose("approval_records", 1)
    one, two = (profile_named(company, word) for word in ("Peeters", "Pieters"))
    answer = client.post(f"/api/v1/customers/{one}/merge", json={"other": two})
    assert answer.status_code == 202
    number = answer.json()["proposal_id"]
    own = client.post(f"/api/v1/identity/approvals/{number}/approve", json={})
    assert (own.status_code, own.json()["code"]) == (403, "not_allowed")
    assert client.get("/api/v1/identity/approvals").json()["waiting"][0]["records"] == 2
    refused = client.post(f"/api/v1/identity/approvals/{number}/refuse", json={})
    assert refused.json() == {"status": "withdrawn"}


# ── words ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_every_level_that_matching_knows_has_words(language: str) -> None:
    context = PageContext(language=language)
    fallback = {catalogue()[f"identity.level.{x}"][language] for x in ("agrees", "differs")}
    missing = [
        f"{comparison.name}.{level}"
        for comparison in COMPARISONS
        for level in level_keys(comparison)
        if step_words(context, Step(comparison=comparison.name, level=level, bits=1.0)) in fallback
        or f"identity.matter.{comparison.name}" not in catalogue()
    ]
    assert missing == []


def test_weights_are_said_in_words_that_grow_with_them() -> None:
    context = PageContext()
    said = [weight_words(context, bits) for bits in (-9, -4, -2, -0.5, 0, 0.5, 2, 4, 9)]
    assert said == [
        "speaks very strongly against", "speaks strongly against", "speaks against",
        "speaks a little against", "says nothing", "speaks a little for", "speaks for",
        "speaks strongly for", "speaks very strongly for",
    ]  # fmt: skip


def test_nothing_that_is_not_certain_is_called_so() -> None:
    context = PageContext()
    assert chance_words(context, 0.9999) == "Almost certainly one customer"
    assert share_words(context, 0.99999) == "99.9%"
    assert share_words(context, 0.3) == "30%"


def test_a_bar_goes_right_for_and_left_against() -> None:
    steps = (
        Step(comparison="name", level="same_words", bits=8.0),
        Step(comparison="birth", level="else", bits=-4.0),
    )
    drawn = str(weights(PageContext(), Scored(probability=0.9, bits=4.0, steps=steps)))
    assert 'class="cpos" style="left:50.0%;width:50.0%"' in drawn
    assert 'class="cneg" style="left:25.0%;width:25.0%"' in drawn
    assert drawn.index("Name") < drawn.index("Birthday")


def test_an_objection_of_an_unknown_kind_is_still_said() -> None:
    context = PageContext()
    assert why_words(context, "needs_a_person:loyalty_card") == "each has its own: loyalty card"
    assert why_words(context, "something_new") == "something new"
