"""Journeys: where customers come from and go to, where they are lost, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect

from rapport.errors import Conflict, InvalidInput
from rapport.understand.journeys.bottlenecks import cell_query
from rapport.understand.journeys.definition import JourneyDefinition
from rapport.understand.journeys.discovery import Proposal
from rapport.understand.journeys.paths import SUPPRESSED
from rapport.understand.journeys.ready_made import READY_MADE
from rapport.web import html as h
from rapport.web.pages.journeys.editor import (
    Draft,
    act,
    definition_of,
    draft_of,
    editor,
    read_draft,
)
from rapport.web.pages.journeys.figures import (
    Shown,
    flow_card,
    funnel_card,
    glance,
    losses_card,
    paths_card,
    steps_card,
    watch_cards,
)
from rapport.web.pages.journeys.named import (
    group_of,
    journey_href,
    journey_name,
    people_href,
    seconds,
    stage_name,
    stage_of,
    step_of,
)
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import callout, card
from rapport.web.parts.choices import Choice, pills, segmented
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.measures import channel_name
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, pagination, table
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.journeys import (
    PAGE,
    PERIODS,
    JourneyReport,
    JourneyView,
    NamedJourney,
    StepPeople,
    find_journey,
    journey_report,
    journey_versions,
    list_journeys,
    proposed_journey,
    save_journey,
    step_people,
    take_back_journey,
    touchpoint_types,
)

_READ = {"permission": "dashboard.read"}
_PEOPLE = {"permission": "customers.read"}
_WRITE = {"permission": "segments.write"}
Fields = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


def read_view(query: Mapping[str, str]) -> JourneyView:
    """The view that an address asks for; what is wrong in it is told by the workflow."""
    days = query.get("days", "")
    return JourneyView(
        days=int(days) if days.isdecimal() and len(days) < 6 else JourneyView().days,
        by=query.get("by") or JourneyView().by,  # type: ignore[arg-type]
        first=query.get("first") or None,
        per_customer=query.get("per") == "customer",
    )


@get("/journeys", sync_to_thread=True, opt=_READ, include_in_schema=False)
def journeys_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company]
) -> Response[Any]:
    """The first journey."""
    return _shown(context_of(request), company, list_journeys(company)[0], JourneyView(), request)


@get("/journeys/{key:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def journey_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> Response[Any]:
    """One journey."""
    journey = find_journey(company, key)
    return _shown(context_of(request), company, journey, read_view(request.query_params), request)


def _shown(
    context: PageContext,
    company: Company,
    journey: NamedJourney,
    view: JourneyView,
    request: Request[Any, Any, Any],
) -> Response[Any]:
    t, n = context.t, context.n
    report = journey_report(company, journey, view)
    may_write = request.user.may("segments.write")
    tools = (
        [
            button(t("journeys.edit"), href=f"/journeys/{journey.key}/edit", icon_name="pencil"),
            button(t("journeys.new"), href="/journeys/new", icon_name="plus"),
        ]
        if may_write
        else None
    )
    choices = h.div(
        {"class": "row"},
        pills(
            t("journeys.which"),
            [
                Choice(
                    text=journey_name(context, each.key, each.name),
                    href=journey_href(each, JourneyView(days=view.days, by=view.by)),
                    chosen=each.key == journey.key,
                )
                for each in list_journeys(company)
            ],
        ),
        segmented(
            t("journeys.period"),
            [
                Choice(
                    text=t("journeys.days", count=n.count(days)),
                    href=journey_href(journey, view, days=days),
                    chosen=days == view.days,
                )
                for days in PERIODS
            ],
        ),
    )
    if report is None:
        body: list[h.Child] = [
            choices,
            card(
                empty_state(
                    t("journeys.nobody"), t("journeys.nobody_detail"), icon_name="waypoints"
                )
            ),
            _defined(context, company, journey, journey.definition, None),
        ]
        return html_response(page(context, t("journeys.title"), body, tools=tools))
    shown = Shown(context, journey, view, report)
    body = [
        choices,
        _missing(context, report),
        h.div(
            {"class": "grid"},
            glance(shown),
            flow_card(shown),
            losses_card(shown),
            steps_card(shown),
            funnel_card(shown),
            watch_cards(shown),
            paths_card(shown),
            _defined(context, company, journey, report.definition, report),
        ),
    ]
    subtitle = t(
        "journeys.subtitle",
        journeys=n.count(report.journeys),
        customers=n.count(report.customers),
        start=n.date(n.local(report.start).date()),
        end=n.date(n.local(report.until).date()),
    )
    return html_response(
        page(context, t("journeys.title"), h.div({"class": "stack"}, body), subtitle=subtitle,
             tools=tools)
    )  # fmt: skip


def _missing(context: PageContext, report: JourneyReport) -> h.Child:
    required = [stage_of(context, report.definition, number) for number in report.missing]
    if not required:
        return None
    return h.p({"class": "note"}, context.t("journeys.missing", stages=", ".join(required)))


# ── the definition ─────────────────────────────────────────────────────────────────────────────


def _defined(
    context: PageContext,
    company: Company,
    journey: NamedJourney,
    definition: JourneyDefinition,
    report: JourneyReport | None,
) -> h.Markup:
    t, n = context.t, context.n
    columns = [
        Column(label=t("journeys.definition.stage")),
        Column(label=t("journeys.definition.types")),
    ]
    rows: list[list[h.Child]] = []
    for stage in journey.definition.stages:
        types = ", ".join(stage.types) or t("journeys.definition.all_types")
        if stage.channels:
            channels = ", ".join(channel_name(context, each) for each in stage.channels)
            types = f"{types} {t('journeys.definition.on', channels=channels)}"
        for each in stage.conditions:
            types += (
                f" · {t(f'journeys.column.{each.column}')} "
                f"{t(f'journeys.is.{each.operator}')} {each.value}"
            )
        notes: list[str] = []
        if stage.optional:
            notes.append(t("journeys.definition.optional"))
        if stage.within_days is not None:
            notes.append(t("journeys.steps.within", days=str(stage.within_days)))
        rows.append(
            [
                h.fragment(
                    stage_name(context, stage.key, stage.name),
                    h.small({"class": "muted"}, " ", ", ".join(notes)) if notes else None,
                ),
                types,
            ]
        )
    asked = journey.definition
    names = [stage_name(context, s.key, s.name) for s in asked.stages if s.key in asked.starts]
    begins = (
        t("journeys.definition.begins_with", stages=", ".join(names), days=str(asked.silence_days))
        if names
        else t("journeys.definition.begins_any", days=str(asked.silence_days))
    )
    goal = (
        t("journeys.definition.no_goal")
        if asked.goal is None
        else stage_of(context, asked, asked.place(asked.goal))
    )
    version = (
        t("journeys.definition.original")
        if not journey.version or journey.at is None
        else t(
            "journeys.definition.version",
            number=str(journey.version),
            author=journey.author or "",
            when=n.date(journey.at),
        )
    )
    return card(
        h.div(
            {"class": "stack tight"},
            h.p(h.b(t("journeys.definition.begins")), " ", begins),
            h.p(
                h.b(t("journeys.definition.ends")),
                " ",
                t("journeys.definition.ends_next", days=str(asked.silence_days)),
            ),
            h.p(h.b(t("journeys.definition.goal")), " ", goal),
            table(context, columns, rows, caption=t("journeys.definition.title")),
            _versions(context, company, journey),
            _queries(context, definition, report),
        ),
        title=t("journeys.definition.title"),
        note=version,
        span="span-12",
    )


def _versions(context: PageContext, company: Company, journey: NamedJourney) -> h.Child:
    versions = journey_versions(company, journey.key)
    if not versions:
        return None
    t, n = context.t, context.n
    return h.details(
        h.summary(t("journeys.definition.history")),
        h.ul(
            h.li(
                t(
                    "journeys.definition.version",
                    number=str(each.version),
                    author=each.author,
                    when=n.date_time(each.at),
                ),
                f" · {t('journeys.definition.taken_back')}" if each.definition is None else None,
            )
            for each in versions
        ),
    )


def _queries(
    context: PageContext, definition: JourneyDefinition, report: JourneyReport | None
) -> h.Child:
    """The chain behind what is lost, which holds the steps that all others share."""
    if report is None:
        return None
    query = cell_query(definition, start=report.start, until=report.until, by="country")
    return h.details(
        h.summary(context.t("journeys.definition.query")),
        h.div(
            {"class": "stack tight", "style": "margin-top:8px", "lang": "en"},
            (
                h.fragment(
                    h.h3(step.name), h.pre({"style": "white-space:pre-wrap"}, h.code(step.sql))
                )
                for step in query.steps
            ),
        ),
    )


# ── who is behind it ───────────────────────────────────────────────────────────────────────────


@get("/journeys/{key:str}/people", sync_to_thread=True, opt=_PEOPLE, include_in_schema=False)
def people_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    stage: FromQuery[str] = "",
    outcome: FromQuery[str] = "lost",
    page: FromQuery[int] = 1,
) -> Response[Any]:
    """The customers behind a figure, each with the way to their timeline."""
    journey = find_journey(company, key)
    context, query = context_of(request), request.query_params
    view = read_view(query)
    part, split = query.get("part") or None, "part" in query
    found = step_people(
        company, journey, view, stage, outcome=outcome,  # type: ignore[arg-type]
        split=split, part=part, page=page,
    )  # fmt: skip
    return _people(context, journey, view, stage, outcome, part, found, split=split)


def _people(
    context: PageContext,
    journey: NamedJourney,
    view: JourneyView,
    stage: str,
    outcome: str,
    part: str | None,
    found: StepPeople,
    *,
    split: bool,
) -> Response[Any]:
    t, n = context.t, context.n
    columns = [
        Column(label=t("journeys.people.customer")),
        Column(label=t("journeys.people.entered"), numeric=True),
        Column(label=t("journeys.people.wait"), numeric=True),
    ]
    rows = [
        [
            h.a(
                {"href": f"/customers/{each.profile_id}"},
                each.name or t("journeys.people.unnamed"),
            ),
            n.date_time(each.entered_at),
            t("journeys.people.not_yet")
            if each.wait_seconds is None
            else seconds(context, each.wait_seconds),
        ]
        for each in found.people
    ]

    def turn(number: int) -> str:
        return people_href(
            journey, view, stage, outcome=outcome, part=part, split=split, page=number
        )

    number = (found.first - 1) // PAGE + 1
    last = found.first + len(found.people) - 1
    title = step_of(context, journey.definition, found.step, found.to)
    if split:
        title = t("journeys.step_of", step=title, part=group_of(context, view.by, part))
    body = (
        card(
            table(context, columns, rows, caption=t("journeys.people.title")),
            pagination(
                context,
                first=found.first,
                last=last,
                total=found.total,
                number=number,
                turn=turn,
            ),
            flush=True,
        )
        if rows
        else card(
            empty_state(
                t("journeys.people.nobody"), t("journeys.people.nobody_detail"), icon_name="users"
            )
        )
    )
    return html_response(
        page(
            context,
            title,
            body,
            subtitle=t(
                "journeys.people.subtitle",
                count=n.count(found.total),
                outcome=t(f"journeys.people.{outcome}"),
            ),
            tools=button(
                t("journeys.people.back"), href=journey_href(journey, view), icon_name="waypoints"
            ),
        )
    )


# ── making and changing ────────────────────────────────────────────────────────────────────────


@get("/journeys/new", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def new_page(request: Request[Any, Any, Any], company: NamedDependency[Company]) -> Response[Any]:
    """A form that starts from the first journey, or from what the data propose."""
    context = context_of(request)
    t, n = context.t, context.n
    draft = draft_of(context, READY_MADE[1].definition)
    above: h.Child = None
    below: h.Child = None
    if request.query_params.get("from") == "data":
        proposal = proposed_journey(company)
        if proposal is None:
            above = callout(t("journeys.editor.proposed_none"), tone="caution", icon_name="info")
        else:
            draft = draft_of(context, proposal.definition)
            above = callout(
                t("journeys.editor.proposed"),
                h.p(t("journeys.editor.proposed_detail", journeys=n.count(proposal.journeys))),
                icon_name="waypoints",
            )
            below = _follows(context, proposal)
    return _form(context, company, draft, key="", name="", above=above, below=below)


def _follows(context: PageContext, proposal: Proposal) -> h.Markup:
    """What speaks for the order: how often one stage directly followed another."""
    t, n = context.t, context.n
    definition = proposal.definition
    rows = [
        [step_of(context, definition, each.stage, each.to), n.count(each.times),
         n.count(each.journeys)]
        for each in sorted(proposal.follows, key=lambda each: -each.journeys)
        if each.journeys >= SUPPRESSED
    ]  # fmt: skip
    columns = [
        Column(label=t("journeys.steps.step")),
        Column(label=t("journeys.editor.times"), numeric=True),
        Column(label=t("journeys.flow.journeys"), numeric=True),
    ]
    caption = t("journeys.editor.follows")
    return card(table(context, columns, rows[:20], caption=caption), title=caption, flush=True)


@get("/journeys/{key:str}/edit", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def edit_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> Response[Any]:
    """A journey as a form."""
    journey = find_journey(company, key)
    context = context_of(request)
    draft = draft_of(context, journey.definition)
    return _form(context, company, draft, key=key, name=journey.name)


@post("/journeys/draft", sync_to_thread=True, opt=_WRITE, status_code=200, include_in_schema=False)
def draft_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company], data: Fields
) -> Response[Any]:
    """The form after a press; nothing is stored."""
    fields = _texts(data)
    draft = act(read_draft(fields), fields.get("do", ""))
    return _form(
        context_of(request), company, draft, key=fields.get("key", ""), name=fields.get("name")
    )


@post("/journeys", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def save_post(
    request: Request[Any, Any, Any], company: NamedDependency[Company], data: Fields
) -> Response[Any]:
    """Keep a version, or show the form again with what is wrong."""
    fields = _texts(data)
    context = context_of(request)
    draft, key, name = read_draft(fields), fields.get("key", ""), fields.get("name")
    try:
        kept = save_journey(
            company,
            name=name,
            definition=definition_of(context, draft),
            author=request.user.email,
            key=key or None,
        )
    except (InvalidInput, Conflict) as problem:
        return _form(context, company, draft, key=key, name=name, error=problem.message)
    return Redirect(f"/journeys/{kept}", status_code=303)


@post("/journeys/{key:str}/take-back", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def take_back_post(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> Response[Any]:
    """Delete an own journey, or bring a ready-made one back to its first form."""
    journey = find_journey(company, key)
    take_back_journey(company, key, author=request.user.email)
    return Redirect(f"/journeys/{key}" if journey.ready_made else "/journeys", status_code=303)


def _form(
    context: PageContext,
    company: Company,
    draft: Draft,
    *,
    key: str,
    name: str | None,
    error: str | None = None,
    above: h.Child = None,
    below: h.Child = None,
) -> Response[Any]:
    t = context.t
    tools: list[h.Child] = []
    if key:
        journey = find_journey(company, key)
        if journey.version:
            tools.append(
                post_button(
                    context,
                    t("journeys.editor.reset" if journey.ready_made else
                      "journeys.editor.take_back"),
                    action=f"/journeys/{key}/take-back",
                    icon_name="rotate-ccw" if journey.ready_made else "trash",
                    kind="plain" if journey.ready_made else "danger",
                )
            )  # fmt: skip
    else:
        tools.append(
            button(t("journeys.propose"), href="/journeys/new?from=data", icon_name="waypoints")
        )
    title = t("journeys.editor.edit_title" if key else "journeys.editor.new_title")
    form_ = editor(
        context,
        draft,
        action="/journeys",
        key=key,
        name=name,
        types=touchpoint_types(company),
        error=error,
    )
    return html_response(
        page(
            context,
            title,
            h.div({"class": "stack"}, above, form_, below),
            subtitle=t("journeys.editor.subtitle"),
            tools=tools,
        ),
        status_code=422 if error else 200,
    )


def _texts(data: Mapping[str, Any]) -> dict[str, str]:
    """The fields as texts; of one that was sent twice, the last."""
    return {
        name: str(value[-1] if isinstance(value, list) else value) for name, value in data.items()
    }


routes = (
    journeys_page,
    journey_page,
    people_page,
    new_page,
    edit_page,
    draft_page,
    save_post,
    take_back_post,
)
