"""Parts: what they promise to the page, to screen readers and to the server."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from rapport.web import html as h
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.chips import stale_badge
from rapport.web.parts.context import NavEntry, NavGroup, PageContext, User
from rapport.web.parts.facts import Fact, fact_list, why
from rapport.web.parts.forms import checkbox, field, form, select_field, text_area
from rapport.web.parts.frame import bare_page, page
from rapport.web.parts.htmx import load, send
from rapport.web.parts.icons import icon
from rapport.web.parts.jobs import JobProgress, job_row
from rapport.web.parts.kpis import Kpi, delta, delta_of, kpi_strip
from rapport.web.parts.suggestions import Suggestion, marked, suggestions
from rapport.web.parts.tables import Column, pagination, sort_by, table
from rapport.web.parts.timeline import Event, mood, timeline
from rapport.web.words import LANGUAGES

CTX = PageContext(csrf_token="t0ken", path="/customers/7", query="page=2")
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def test_every_form_that_writes_carries_the_token_and_no_other_does() -> None:
    hidden = '<input type="hidden" name="_csrf_token" value="t0ken">'
    assert hidden in form(CTX, action="/x")
    assert hidden in post_button(CTX, "Go", action="/x")
    assert "t0ken" not in form(CTX, action="/x", method="get")


def test_the_frames_own_forms_carry_the_token_and_return_to_the_same_view() -> None:
    context = PageContext(
        csrf_token="t0ken", path="/a", query="b=1&c=2", user=User(name="A B", role="r")
    )
    written = page(context, "Title")
    posts = re.findall(r'<form[^>]*method="post".*?</form>', written)
    assert len(posts) == 3  # appearance, language, sign out
    assert all('value="t0ken"' in each for each in posts)
    assert written.count('name="back" value="/a?b=1&amp;c=2"') == 2


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_pages_hold_no_inline_script_or_handler_and_name_their_language(language: str) -> None:
    context = PageContext(language=language, user=User(name="A B", role="r"), csrf_token="x")
    for written in (page(context, "T", h.p("x")), bare_page(context, "T", h.p("x"))):
        assert f'<html lang="{language}"' in written
        assert re.findall(r"<script[^>]*>[^<]+</script>", written) == []
        assert re.findall(r"<[^>]*\son\w+=", written) == []
        assert "<style" not in written


def test_the_chosen_appearance_is_on_the_root_and_the_devices_choice_is_not() -> None:
    assert 'data-theme="dark"' in page(PageContext(theme="dark"), "T")
    assert "data-theme" not in page(PageContext(theme="system"), "T")


def test_the_current_place_is_marked_for_its_own_pages_too() -> None:
    entries = (
        NavEntry(label="Dashboard", href="/", icon="layout-dashboard"),
        NavEntry(label="Customers", href="/customers", icon="users"),
    )
    nav = (NavGroup(label="Understand", entries=entries),)
    written = page(PageContext(nav=nav, path="/customers/7"), "T")
    current = re.findall(r'<a class="nav-entry" href="([^"]*)" aria-current="page"', written)
    assert current == ["/customers"]


def test_a_place_shows_how_many_things_wait_there_unless_none_do() -> None:
    entries = (
        NavEntry(label="Inbox", href="/inbox", icon="inbox", count=1200),
        NavEntry(label="Admin", href="/admin", icon="shield-check", count=0),
    )
    written = page(PageContext(nav=(NavGroup(label="Act", entries=entries),)), "T")
    assert "1,200 waiting" in written
    assert written.count('class="badge"') == 1


def test_an_icon_nobody_drew_is_refused() -> None:
    with pytest.raises(ValueError, match="no-such-icon"):
        icon("no-such-icon")


def test_an_icon_is_silent_unless_it_is_named() -> None:
    assert 'aria-hidden="true"' in icon("phone")
    assert 'role="img" aria-label="Call"' in icon("phone", label="Call")


def test_a_field_is_tied_to_its_label_its_hint_and_its_error() -> None:
    written = field("Name", "name", value='"x"', hint="Short.", error="Missing.")
    assert '<label for="field-name">' in written
    assert 'aria-describedby="field-name-error field-name-hint"' in written
    assert 'id="field-name-error"' in written
    assert 'aria-invalid="true"' in written
    assert 'value="&quot;x&quot;"' in written
    assert "aria-invalid" not in field("Name", "name")


def test_passwords_are_never_written_back() -> None:
    assert "s3cret" not in field("Password", "p", type="password", value="s3cret")


def test_what_was_chosen_or_typed_is_shown_again() -> None:
    assert '<option value="b" selected>' in select_field(
        "L", "l", [("a", "A"), ("b", "B")], value="b"
    )
    assert "checked" in checkbox("L", "l", checked=True)
    assert ">\n\nfirst line empty</textarea>" in text_area("L", "l", value="\nfirst line empty")


def test_a_link_that_looks_like_a_button_stays_a_link() -> None:
    assert button("Open", href="/x").startswith('<a class="button" href="/x">')
    assert button("Save").startswith('<button class="button" type="submit">')


@pytest.mark.parametrize(
    ("value", "better", "direction", "meaning"),
    [
        (0.1, "higher", "up", "good"),
        (-0.1, "higher", "down", "bad"),
        (0.1, "lower", "up", "bad"),
        (-0.1, "lower", "down", "good"),
        (0.1, None, "up", "neutral"),
        (0.0, "higher", "flat", "neutral"),
    ],
)
def test_a_change_is_good_or_bad_by_what_is_better(
    value: float, better: str, direction: str, meaning: str
) -> None:
    change = delta_of(value, "x", better=better)  # type: ignore[arg-type]
    assert change is not None
    assert (change.direction, change.meaning) == (direction, meaning)
    words = {"up": "up ", "down": "down ", "flat": "unchanged "}
    assert words[direction] in delta(CTX, change)


def test_a_figure_that_is_not_known_yet_says_so() -> None:
    written = kpi_strip(CTX, [Kpi(label="NPS", figure=None)])
    assert "not known yet" in written
    assert "<svg" not in written


def test_headings_sort_and_the_sorted_one_turns_around() -> None:
    sort = sort_by(
        "/s", "value", descending=True, keep=[("q", "a&b"), ("sort", "x"), ("page", "3")]
    )
    written = table(
        CTX,
        [
            Column(label="Name", key="name"),
            Column(label="Value", key="value", numeric=True),
            Column(label="Orders", key="orders", numeric=True),
            Column(label="Course"),
        ],
        [("Ann", "1", "2", "")],
        caption="People",
        sort=sort,
    )
    links = re.findall(r'<a href="([^"]*)"', written)
    assert links == [
        "/s?q=a%26b&amp;sort=name",
        "/s?q=a%26b&amp;sort=value",
        "/s?q=a%26b&amp;sort=-orders",
    ]
    assert written.count("aria-sort") == 1
    assert 'class="num" aria-sort="descending"' in written
    assert '<th scope="row">Ann</th><td class="num">1</td>' in written


def test_a_row_of_another_length_than_the_headings_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        table(CTX, [Column(label="A"), Column(label="B")], [("only one",)], caption="x")


def test_pages_at_the_ends_offer_no_link_beyond() -> None:
    written = pagination(CTX, number=1, first=1, last=50, total=84_312, turn="/c?page={}".format)
    assert "1–50 of 84,312" in written
    assert written.count("<a ") == 1
    assert 'href="/c?page=2"' in written
    assert 'aria-disabled="true"' in written
    last = pagination(CTX, number=2, first=51, last=60, total=60, turn="/c?page={}".format)
    assert 'href="/c?page=1"' in last
    assert last.count("<a ") == 1


def event(moment: datetime, **more: object) -> Event:
    return Event(occurred_at=moment, icon="mail", title="x", **more)  # type: ignore[arg-type]


def test_events_stand_under_the_day_on_the_users_clock() -> None:
    before_midnight_utc = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    written = timeline(
        PageContext(time_zone="Europe/Brussels"),
        [event(NOW), event(before_midnight_utc), event(datetime(2025, 1, 2, 9, 0, tzinfo=UTC))],
        today=NOW.date(),
    )
    days = re.findall(r'<h3 class="timeline-day">([^<]*)</h3>', written)
    assert days == ["Saturday 21 November", "2 January 2025"]
    assert "00:30" in written


def test_a_quote_is_escaped_and_coloured_only_where_its_mood_is_clear() -> None:
    written = timeline(
        CTX,
        [
            event(NOW, quote="<script>", mood=-0.5),
            event(NOW, quote="fine", mood=0.05),
        ],
        today=date(2026, 11, 21),
    )
    assert "“&lt;script&gt;”" in written
    assert '<blockquote class="event-quote bad">' in written
    assert '<blockquote class="event-quote">' in written


@pytest.mark.parametrize(("value", "place"), [(-1, "0%"), (0, "50%"), (1, "100%"), (3, "100%")])
def test_a_mood_lies_on_its_line(value: float, place: str) -> None:
    assert f"left:{place}" in mood(CTX, value)


def test_a_source_is_one_press_away_without_a_script() -> None:
    written = fact_list(CTX, [Fact(label="E-mail", value="a@b", source="CRM")])
    assert "<details" in written
    assert "Where E-mail comes from" in written
    assert "CRM" in why(CTX, "CRM", word="why?")


def test_a_job_shows_how_far_it_is_and_can_be_stopped_only_while_it_works() -> None:
    running = job_row(
        CTX,
        JobProgress(
            job_id="1",
            title="Import",
            state="running",
            step="Reading",
            done=41_200,
            total=84_312,
            left=timedelta(minutes=3),
            cancel_action="/stop",
        ),
    )
    assert "Reading · 41,200 of 84,312" in running
    assert "3 min left" in running
    assert 'max="84312" value="41200"' in running
    assert 'action="/stop"' in running
    done = job_row(
        CTX, JobProgress(job_id="1", title="Import", state="done", cancel_action="/stop")
    )
    assert "/stop" not in done
    assert "<progress" not in done


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("Eszter", "esz", "<p><mark>Esz</mark>ter</p>"),
        ("Kovács Eszter", "esz kov", "<p><mark>Kov</mark>ács <mark>Esz</mark>ter</p>"),
        ("Kovács", "kovacs", "<p><mark>Kovács</mark></p>"),
        ("Kovacs", "KOVÁ", "<p><mark>Kova</mark>cs</p>"),
        ("a<b", "<", "<p>a<mark>&lt;</mark>b</p>"),
        ("Anna", "", "<p>Anna</p>"),
        ("aaa", "a aa", "<p><mark>aa</mark><mark>a</mark></p>"),
        ("Straße", "strasse", "<p>Straße</p>"),
    ],
)
def test_the_letters_that_were_typed_are_marked(text: str, query: str, expected: str) -> None:
    assert h.p(marked(text, query)) == expected


def test_suggestions_are_grouped_and_say_when_nothing_is_found() -> None:
    found = [Suggestion(title="Order 88213", detail="Ann", href="/o/1")]
    written = suggestions(CTX, "88", [("people", []), ("orders", found)])
    assert "People" not in written
    assert "Orders" in written
    assert suggestions(CTX, "  ", [("orders", found)]) == ""
    assert "“&lt;x&gt;”" in suggestions(CTX, "<x>", [("people", [])])


def test_initials_are_of_the_first_and_the_last_name() -> None:
    names = {"Sofie Maes": "SM", "Ádám": "Á", "Jan van den Berg": "JB", "": "?", "42": "?"}
    assert {name: User(name=name, role="").initials for name in names} == names


def test_a_stale_number_shows_its_age_and_its_moment() -> None:
    written = stale_badge(CTX, NOW - timedelta(hours=26), NOW)
    assert "26 h old" in written
    assert 'title="20 November 2026, 08:30"' in written


def test_what_htmx_does_is_said_on_the_element_itself() -> None:
    assert load("/x", target="#a", push=True)["hx-push-url"] == "true"
    sent = send("/x", target="this")
    assert (sent["hx-post"], sent["hx-sync"]) == ("/x", "this:drop")
