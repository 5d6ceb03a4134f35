"""The pages of segments: the form without scripts, what is kept, and the live count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient
from playwright.sync_api import Page, expect

from rapport.asgi import create_app
from rapport.errors import InvalidInput
from rapport.understand.segments.evaluated import matches
from rapport.understand.segments.happening import (
    COMPARISONS,
    Followed,
    Happened,
    Property,
    Recency,
    Span,
    Which,
)
from rapport.understand.segments.ready_made import READY_MADE
from rapport.understand.segments.rule import COLUMNS, All, Not, where, write_rule
from rapport.understand.segments.rule import Any as AnyOf
from rapport.web.pages.segments.draft import (
    OFFERED,
    DraftCondition,
    DraftGroup,
    act,
    draft_of,
    read_draft,
    rule_of,
)
from rapport.web.pages.segments.happening_draft import DraftHappening, happening_draft
from rapport.workflows.company import Company
from rapport.workflows.ingest import apply_journal
from rapport.workflows.refresh import refresh_profiles
from rapport.workflows.segment_definitions import all_segments, find_segment, save_segment
from rapport.workflows.segment_members import follow_segments
from rapport.workflows.users import create_user, session_of
from tests.browser import check_page, settle, take_screenshot
from tests.company import PASSWORD, visitor
from tests.conftest import FakeClock
from tests.shop import at, shop
from tests.touchpoints import email, keep, order

ZONE = "Europe/Brussels"


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="manager") as opened:
        session = session_of(company, opened.cookies["rapport_session"])
        assert session is not None
        opened.headers["x-csrftoken"] = session.csrf_token
        yield opened


def fields(draft: DraftCondition | DraftGroup, address: str = "0") -> dict[str, str]:
    """The form's fields of a draft, as a browser would send them."""
    if isinstance(draft, DraftCondition):
        names = ("column", "operator", "value", "value2")
        return {f"n.{address}.{name}": getattr(draft, name) for name in names}
    found = {f"n.{address}.join": draft.join}
    for number, part in enumerate(draft.parts):
        found |= fields(part, f"{address}-{number}")
    return found


# ── the draft ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ready", READY_MADE, ids=lambda ready: ready.key)
def test_every_ready_made_rule_survives_the_form(ready: Any) -> None:
    again = rule_of(read_draft(fields(draft_of(ready.rule, ZONE))), ZONE)
    assert again == ready.rule or again == All(rules=(ready.rule,))


def test_days_in_the_form_are_days_of_the_company() -> None:
    draft = DraftGroup(
        join="all",
        parts=[
            DraftCondition(
                column="last_order_at", operator="between", value="2026-10-01", value2="2026-10-31"
            )
        ],
    )
    rule = rule_of(draft, ZONE)
    assert rule is not None
    now = at(11, 16)
    late = {"last_order_at": at(10, 31, 22) + timedelta(minutes=59)}  # 23:59 in Brussels
    assert matches(rule, late, now=now)
    assert not matches(rule, {"last_order_at": at(10, 31, 23)}, now=now)
    shown = draft_of(rule, ZONE).parts[0]
    assert isinstance(shown, DraftCondition)
    assert (shown.value, shown.value2) == ("2026-10-01", "2026-10-31")


def test_none_of_is_not_any_of() -> None:
    draft = DraftGroup(join="none", parts=[DraftCondition(value="3")])
    rule = rule_of(draft, ZONE)
    assert rule == Not(rule=AnyOf(rules=(where("order_count", "ge", 3),)))


@pytest.mark.parametrize(
    ("column", "operator", "value", "mistake"),
    [
        ("order_count", "ge", "", "missing"),
        ("order_count", "ge", "many", "number"),
        ("order_count", "ge", "nan", "number"),
        ("revenue", "ge", "1,23456", "money"),
        ("first_seen", "ge", "yesterday", "time"),
        ("first_seen", "within_last_days", "1,5", "days"),
        ("first_seen", "within_last_days", "99999", "time"),
        ("city", "in", ";", "text"),
    ],
)
def test_mistakes_are_marked_where_they_are(
    column: str, operator: str, value: str, mistake: str
) -> None:
    part = DraftCondition(column=column, operator=operator, value=value)
    assert rule_of(DraftGroup(join="all", parts=[part]), ZONE) is None
    assert part.error == mistake


def test_numbers_are_read_as_people_write_them() -> None:
    part = DraftCondition(column="revenue", operator="ge", value="1 234,50")
    rule = rule_of(DraftGroup(join="all", parts=[part]), ZONE)
    assert rule == All(rules=(where("revenue", "ge", "1234.50"),))


_CONDITIONS = st.builds(
    lambda column, pick, value, value2: DraftCondition(
        column=column,
        operator=OFFERED[COLUMNS[column]][pick % len(OFFERED[COLUMNS[column]])],
        value=value,
        value2=value2,
    ),
    st.sampled_from(sorted(COLUMNS)),
    st.integers(0, 20),
    st.text(max_size=12) | st.sampled_from(["1", "2026-02-28", "true", "1e400", "٣", "-5"]),
    st.sampled_from(["", "7", "2026-03-01"]),
)
_DRAFTS = st.recursive(
    _CONDITIONS,
    lambda part: st.builds(
        lambda join, parts: DraftGroup(join=join, parts=parts),
        st.sampled_from(["all", "any", "none"]),
        st.lists(part, max_size=3),
    ),
    max_leaves=6,
)


@given(_DRAFTS, st.text(max_size=8))
def test_no_form_breaks_the_builder_and_a_rule_is_kept_whole(draft: Any, do: str) -> None:
    whole = DraftGroup(join="all", parts=[draft])
    act(read_draft(fields(whole)), do)
    act(read_draft(fields(whole)), f"remove:{do}")
    rule = rule_of(read_draft(fields(whole)), ZONE)
    if rule is not None:
        assert rule_of(draft_of(rule, ZONE), ZONE) == rule


def test_buttons_add_move_and_remove() -> None:
    draft = DraftGroup(join="all", parts=[DraftCondition(value="1"), DraftCondition(value="2")])
    act(draft, "down:0-0")
    assert [part.value for part in draft.parts if isinstance(part, DraftCondition)] == ["2", "1"]
    act(draft, "group:0")
    act(draft, "add:0-2")
    assert isinstance(draft.parts[2], DraftGroup)
    assert len(draft.parts[2].parts) == 2
    act(draft, "remove:0-2-0")
    act(draft, "remove:0-0")
    assert len(draft.parts) == 2
    for nonsense in ("remove:0", "up:0-0", "add:0-0", "remove:0-99", "boom", "add:x"):
        act(draft, nonsense)
    assert len(draft.parts) == 2


# ── the pages ──────────────────────────────────────────────────────────────────────────────────


def form_of(value: str = "3") -> dict[str, str]:
    return {
        "n.0.join": "all",
        "n.0-0.column": "order_count",
        "n.0-0.operator": "ge",
        "n.0-0.value": value,
    }


def test_a_segment_is_made_counted_changed_deleted_and_brought_back(
    company: Company, client: TestClient[Any]
) -> None:
    assert "Your own segments will be here" in client.get("/segments").text
    counted = client.post("/segments/count", data=form_of())
    assert "<b>4</b> of 12 customers" in counted.text
    made = client.post("/segments", data=form_of() | {"name": "Often"}, follow_redirects=False)
    assert made.status_code == 303
    where_to = made.headers["location"]
    page = client.get(where_to).text
    assert "Often" in page
    assert "Number of orders is at least <b>3</b>" in page
    assert "Customer 0" in page
    key = where_to.rpartition("/")[2]
    changed = form_of("2") | {"name": "Twice", "key": key}
    assert client.post("/segments", data=changed, follow_redirects=False).status_code == 303
    assert find_segment(company, key).name == "Twice"
    gone = client.post(f"/segments/{key}/delete", follow_redirects=False)
    listed = client.get(gone.headers["location"]).text
    assert "“Twice” was deleted" in listed
    rule = write_rule(All(rules=(where("order_count", "ge", 2),))).decode()
    client.post("/segments", data={"name": "Twice", "rule": rule})
    assert [each.name for each in all_segments(company) if not each.ready_made] == ["Twice"]


def test_the_form_says_what_to_do_about_mistakes(client: TestClient[Any]) -> None:
    answer = client.post("/segments", data=form_of("many") | {"name": "x"})
    assert answer.status_code == 400
    assert "This needs a number" in answer.text
    assert 'value="many"' in answer.text
    nameless = client.post("/segments", data=form_of() | {"name": " "})
    assert "1 to 80 characters" in nameless.text
    assert "count follows once" in client.post("/segments/count", data=form_of("")).text


def test_the_form_works_without_scripts(client: TestClient[Any]) -> None:
    drawn = client.post("/segments/draft", data=form_of() | {"do": "add:0", "name": "Often"}).text
    assert 'name="n.0-1.column"' in drawn
    assert 'value="Often"' in drawn
    grouped = client.post("/segments/draft", data=form_of() | {"do": "group:0"}).text
    assert 'name="n.0-1-0.column"' in grouped


def test_the_customers_of_a_rule_in_the_address_are_shown(client: TestClient[Any]) -> None:
    rule = write_rule(where("order_count", "ge", 3)).decode()
    page = client.get("/segments/people", params={"rule": rule}).text
    assert "<b>4</b> of 12 customers" in page
    bad = client.get("/segments/people", params={"rule": '{"kind":"condition"}'})
    assert bad.status_code == 400


def test_members_are_a_file_too(client: TestClient[Any]) -> None:
    answer = client.get("/segments/never_ordered.csv")
    assert answer.headers["content-disposition"].endswith('segment-never_ordered.csv"')
    assert answer.content.decode("utf-8-sig").startswith("profile_id,name,")


def test_an_agent_sees_no_segments(company: Company) -> None:
    with visitor(company, role="agent") as agent:
        for path in ("/segments", "/segments/loyal", "/segments/new", "/segments/loyal.csv"):
            assert agent.get(path).status_code == 403


def test_a_name_has_an_end(company: Company) -> None:
    with pytest.raises(InvalidInput):
        save_segment(company, name="x" * 81, rule=All(), author="a@b.example")


# ── in the browser ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.browser
@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (820, "dark")])
def test_the_count_follows_the_rule_as_it_is_written(
    company: Company,
    serve: Callable[[Litestar], str],
    browser_page: Callable[..., Page],
    width: int,
    theme: str,
) -> None:
    @contextmanager
    def opened() -> Iterator[Company]:
        yield company

    create_user(company, email="s@kadar.example", name="Sofie", role="admin", password=PASSWORD)
    url = serve(create_app(opened()))
    page = browser_page(width=width, theme=theme)
    page.goto(url + "/sign-in?next=/segments/new")
    page.fill("#field-email", "s@kadar.example")
    page.fill("#field-password", PASSWORD)
    page.locator("form.form button").click()
    count = page.locator("#segment-count")
    expect(count).to_contain_text("9 of 12")
    page.locator('[name="n.0-0.value"]').fill("3")
    expect(count).to_contain_text("4 of 12")
    expect(page.locator("#segment-overlap")).to_contain_text("Loyal (75.0%)")
    settle(page)
    page.get_by_role("button", name="Add a condition").click()
    expect(page.locator('[name="n.0-1.column"]')).to_be_visible()
    settle(page)
    page.locator('[name="n.0-1.column"]').select_option("country")
    expect(page.locator('[name="n.0-1.operator"]')).to_have_value("eq")
    settle(page)
    page.locator('[name="n.0-1.value"]').fill("HU")
    expect(count).to_contain_text("0 of 12")
    page.locator('[name="n.0-1.operator"]').select_option("ne")
    settle(page)
    page.locator('[name="n.0-1.value"]').fill("FR")
    expect(count).to_contain_text("of 12")
    check_page(page)
    take_screenshot(page, f"segment-new-{width}")
    page.fill("#field-name", "Often, not in France")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Often, not in France")


# ── what customers did ─────────────────────────────────────────────────────────────────────────

SPAN = st.none() | st.builds(
    Span, number=st.integers(1, 400), unit=st.sampled_from(["hours", "days"])
)
NAMES = st.lists(st.sampled_from(["Order Completed", "Page Viewed", "Odd thing"]), max_size=2)
WHICH = st.builds(
    lambda types, channels, amount, text, size: Which(
        types=tuple(types),
        channels=tuple(channels),
        amount_from=amount,
        text=text,
        properties=(Property(name="size", values=(size, "M")),) if size else (),
    ),
    NAMES,
    st.lists(st.sampled_from(["web", "store"]), max_size=2),
    st.sampled_from([None, "50", "-3.25"]),
    st.sampled_from([None, "sad; or not"]),
    st.sampled_from(["", "L", "5"]),
)
HAPPENINGS = (
    st.builds(Happened, which=WHICH, operator=st.sampled_from(COMPARISONS),
              value=st.integers(0, 99), within=SPAN)
    | st.builds(Happened, which=WHICH, measure=st.just("amount"),
                value=st.sampled_from(["50", "99.95"]), within=SPAN)
    | st.builds(Recency, which=WHICH, place=st.sampled_from(["first", "last"]),
                operator=st.sampled_from(["within", "before"]), span=SPAN.filter(bool))
    | st.builds(Followed, which=WHICH, then=WHICH, within=SPAN.filter(bool),
                holds=st.booleans(), since=st.none())
)  # fmt: skip


def did(draft: DraftHappening, address: str) -> dict[str, str]:
    """The form's fields of a condition on what customers did."""
    names = ("column", "operator", "value", "span", "unit", "since", "since_unit")
    found = {f"n.{address}.{name}": getattr(draft, name) for name in names}
    for which, types, letter in ((draft.which, "types", "f"), (draft.then, "then", "g")):
        found[f"n.{address}.{types}"] = which.types
        for number, each in enumerate(which.filters):
            found[f"n.{address}.{letter}{number}.kind"] = each.kind
            found[f"n.{address}.{letter}{number}.value"] = each.value
    return found


@given(HAPPENINGS)
def test_what_customers_did_survives_the_form(happening: Any) -> None:
    sent = {"n.0.join": "all"} | did(happening_draft(happening), "0-0")

    assert rule_of(read_draft(sent), ZONE) == All(rules=(happening,))


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"column": "@count", "value": "some", "span": "30"}, "whole"),
        ({"column": "@count", "value": "2", "span": "soon"}, "span"),
        ({"column": "@amount", "value": "", "span": "30"}, "missing"),
        ({"column": "@amount", "value": "1.23456", "span": "30"}, "happening"),
        ({"column": "@last", "span": ""}, "span"),
        ({"column": "@waited", "span": "7", "since": "7"}, "waited"),
        ({"column": "@count", "value": "1", "span": "", "f0.kind": "property",
          "f0.value": "L"}, "property"),
        ({"column": "@count", "value": "1", "span": "", "f0.kind": "amount_from",
          "f0.value": ""}, "filter"),
        ({"column": "@count", "value": "1", "span": "", "f0.kind": "mood_to",
          "f0.value": "sad"}, "number"),
    ],
)  # fmt: skip
def test_mistakes_in_what_customers_did_are_marked(fields: dict[str, str], mistake: str) -> None:
    sent = {"n.0.join": "all"} | {f"n.0-0.{name}": value for name, value in fields.items()}
    draft = read_draft(sent)
    assert rule_of(draft, ZONE) is None
    part = draft.parts[0]
    assert isinstance(part, DraftHappening)
    assert part.error == mistake


BASKET = {
    "n.0.join": "all",
    "n.0-0.column": "@count",
    "n.0-0.operator": "ge",
    "n.0-0.value": "2",
    "n.0-0.types": "Order Completed",
    "n.0-0.span": "60",
    "n.0-0.unit": "days",
    "n.0-0.f0.kind": "amount_from",
    "n.0-0.f0.value": "40",
}


def test_a_segment_of_what_customers_did_is_kept_and_tells_its_history(
    company: Company, client: TestClient[Any], clock: FakeClock
) -> None:
    counted = client.post("/segments/count", data=BASKET)
    assert "<b>4</b> of 12 customers" in counted.text  # even ones: October and November
    also = client.post("/segments/overlap", data=BASKET)
    assert "Most of the same people are in: Loyal (75.0%), Champions (25.0%)" in also.text
    made = client.post("/segments", data=BASKET | {"name": "Lately"}, follow_redirects=False)
    key = made.headers["location"].rpartition("/")[2]
    page = client.get(f"/segments/{key}").text
    assert "Order (amount from 40): at least 2 ×, within the last 60 days" in page
    follow_segments(company)
    clock.advance(timedelta(days=60))
    keep(company, [order("new", "90", record=email("customer1@kadar.example"),
                         occurred_at=clock.now)])  # fmt: skip
    apply_journal(company)
    refresh_profiles(company)
    follow_segments(company)
    with visitor(company, role="admin") as later:  # the first session is over by then
        page = later.get(f"/segments/{key}").text
        assert "No longer holds:" in page
        assert "time passed" in page
        listed = later.get(f"/segments/{key}/changes?only=left").text
        assert "Only who left" in listed
        assert "Customer 0" in listed
        assert "Nobody has entered" in later.get(f"/segments/{key}/changes?only=entered").text
        told = later.get(f"/api/v1/segments/{key}/changes").json()
        assert told["total"] == 4
        assert {each["entered"] for each in told["changes"]} == {False}
        assert told["changes"][0]["why"][0]["condition"]["kind"] == "happened"
        sizes = later.get(f"/api/v1/segments/{key}/sizes?days=61").json()
        assert [sizes[0]["members"], sizes[-1]["members"], sizes[-1]["left"]] == [4, 0, 4]
        overlap = later.get("/api/v1/segments/loyal/overlap").json()
        assert overlap["customers"] == 12
        profile_id = told["changes"][0]["profile_id"]
        own = later.get(f"/api/v1/customers/{profile_id}/segments").json()
        assert own["changes"]["changes"][0]["segment"] == key


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "theme", "language"), [(1440, "light", "en"), (820, "dark", "hu")]
)
def test_what_customers_did_is_asked_in_the_browser(
    company: Company,
    clock: FakeClock,
    serve: Callable[[Litestar], str],
    browser_page: Callable[..., Page],
    width: int,
    theme: str,
    language: str,
) -> None:
    @contextmanager
    def opened() -> Iterator[Company]:
        yield company

    rule = All(
        rules=(
            Happened(which=Which(types=("Order Completed",), amount_from=40), value=2,
                     within=Span(number=60)),
            Followed(which=Which(types=("Product Viewed",), categories=("tents",)),
                     then=Which(types=("Order Completed",)), within=Span(number=7), holds=False,
                     since=Span(number=30)),
        )
    )  # fmt: skip
    key = save_segment(company, name="Lately", rule=rule.rules[0], author="s@kadar.example")
    follow_segments(company)
    for number in range(5):
        clock.advance(timedelta(days=6))
        keep(company, [order(f"new{number}", "90", record=email(f"customer{number}@kadar.example"),
                             occurred_at=clock.now)])  # fmt: skip
        apply_journal(company)
        refresh_profiles(company)
        follow_segments(company)
    create_user(company, email="s@kadar.example", name="Sofie", role="admin",
                password=PASSWORD, language=language)  # fmt: skip
    url = serve(create_app(opened()))
    page = browser_page(width=width, theme=theme, language=language)
    draft = urlencode({"rule": write_rule(rule).decode()})
    page.goto(url + "/sign-in")
    page.fill("#field-email", "s@kadar.example")
    page.fill("#field-password", PASSWORD)
    page.locator("form.form button").click()
    page.goto(f"{url}/segments/new?{draft}")
    settle(page)
    page.locator('[name="n.0-0.f1.kind"]').select_option("channels")
    expect(page.locator('[name="n.0-0.f1.value"]')).to_be_visible()
    settle(page)
    page.locator('[name="n.0-0.f1.value"]').fill("store")
    settle(page)
    check_page(page)
    take_screenshot(page, f"segment-did-{width}-{language}")
    page.goto(f"{url}/segments/{key}")
    settle(page)
    check_page(page)
    take_screenshot(page, f"segment-history-{width}-{language}")
    page.goto(f"{url}/segments/{key}/changes")
    check_page(page)
    take_screenshot(page, f"segment-changes-{width}-{language}")
