"""Segments: what there are, who is in them, and a form to make one's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect, Stream

from rapport.errors import Conflict, InvalidInput
from rapport.understand.segments.rule import Rule, read_rule, write_rule
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.pages.dashboard.address import href as dashboard_href
from rapport.web.pages.dashboard.cards import comes_back, segment_table
from rapport.web.pages.segments.builder import builder, count_line, in_words, overlap_line
from rapport.web.pages.segments.came_and_went import changes_response, history_cards
from rapport.web.pages.segments.draft import (
    DraftGroup,
    act,
    draft_of,
    empty_draft,
    read_draft,
    rule_of,
)
from rapport.web.parts.accuracy import accuracy_line, heading_mark
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.measures import country_name, segment_name
from rapport.web.parts.states import empty_state, flash
from rapport.web.parts.tables import Column, pagination, sort_by, table
from rapport.web.visit import context_of, html_response
from rapport.workflows.accuracy import newest_accuracy
from rapport.workflows.company import Company
from rapport.workflows.dashboard import View
from rapport.workflows.segment_definitions import (
    OWN,
    NamedSegment,
    delete_segment,
    find_segment,
    save_segment,
)
from rapport.workflows.segment_history import rule_overlap
from rapport.workflows.segments import (
    Counted,
    MembersPage,
    count_rule,
    members_csv,
    segment_members,
    segments_overview,
)

_READ = {"permission": "segments.read"}
_WRITE = {"permission": "segments.write"}
Fields = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


# ── the list ───────────────────────────────────────────────────────────────────────────────────


@get("/segments", sync_to_thread=True, opt=_READ, include_in_schema=False)
def segments_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    gone: FromQuery[str] = "",
    rule: FromQuery[str] = "",
) -> Response[Any]:
    """Every segment side by side."""
    context = context_of(request)
    t = context.t
    rows = segments_overview(company)
    accuracy = newest_accuracy(company)
    own = [row for row in rows if not row.segment.ready_made]
    found = [row for row in rows if row.segment.discovered and row.figures.customers]
    ready = [
        row
        for row in rows
        if row.segment.ready_made and not row.segment.discovered and row.figures.customers
    ]
    may_write = request.user.may("segments.write")
    new = button(t("segments.new"), href="/segments/new", kind="primary", icon_name="plus")
    body: list[h.Child] = []
    if gone and rule:
        undo = None
        if may_write:
            undo = post_button(
                context, t("segments.undo"), action="/segments", values={"name": gone, "rule": rule}
            )
        body.append(
            h.div(
                {"class": "flash-list"},
                flash(t("segments.deleted", name=gone), action=undo),
            )
        )
    own_card = (
        card(
            segment_table(context, own, accuracy, caption=t("segments.own")),
            title=t("segments.own"),
            flush=True,
        )
        if own
        else card(
            empty_state(
                t("segments.own_empty"),
                t("segments.own_empty_detail"),
                new if may_write else None,
                icon_name="blend",
            ),
        )
    )
    body.append(
        h.div(
            {"class": "stack"},
            own_card,
            card(
                segment_table(context, found, accuracy, caption=t("personas.title")),
                title=h.a({"href": "/personas"}, t("personas.title")),
                flush=True,
            )
            if found
            else None,
            card(
                segment_table(
                    context,
                    ready,
                    accuracy,
                    # Where "Comes back" is withheld, its dashes mean something else.
                    foot=t("segments.table_foot")
                    if accuracy is None or accuracy.dropout_identified
                    else None,
                    caption=t("segments.ready_made"),
                ),
                title=t("segments.ready_made"),
                note=t("segments.ready_made_note"),
                flush=True,
            ),
        )
    )
    return html_response(
        page(
            context,
            t("segments.title"),
            body,
            subtitle=t("segments.subtitle"),
            tools=new if may_write and own else None,
        )
    )


# ── one segment ────────────────────────────────────────────────────────────────────────────────


@get("/segments/people", sync_to_thread=True, opt=_READ, include_in_schema=False)
def people_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    rule: FromQuery[str],
    page: FromQuery[int] = 1,
    sort: FromQuery[str] = "-revenue",
) -> Response[Any]:
    """The customers that a rule in the address describes: the way from a number to its people."""
    context = context_of(request)
    asked = read_rule(rule)
    tools = None
    if request.user.may("segments.write"):
        query = urlencode({"rule": rule})
        tools = button(context.t("segments.keep"), href=f"/segments/new?{query}", icon_name="plus")
    return _shown(
        context, company, asked, context.t("segments.people"), "/segments/people",
        keep=[("rule", rule)], number=page, sort=sort, tools=tools,
    )  # fmt: skip


@get("/segments/{key:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def segment_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    page: FromQuery[int] = 1,
    sort: FromQuery[str] = "-revenue",
) -> Response[Any]:
    """Who is in a segment; ``.csv`` after the key gives all of them as a file."""
    if key.endswith(".csv"):
        return _csv(company, find_segment(company, key.removesuffix(".csv")))
    context = context_of(request)
    t = context.t
    found = find_segment(company, key)
    user: User = request.user
    tools: list[h.Child] = [
        button(t("segments.csv"), href=f"/segments/{key}.csv", icon_name="download"),
        button(t("personas.from_segment"), href=f"/personas/{key}", icon_name="shapes"),
    ]
    if user.may("dashboard.read"):
        tools.append(
            button(
                t("segments.on_dashboard"),
                href=dashboard_href("/", View(segment=key)),
                icon_name="layout-dashboard",
            )
        )
    if user.may("segments.write"):
        tools += _write_tools(context, found)
    return _shown(
        context, company, found.rule, segment_name(context, found), f"/segments/{key}",
        keep=[], number=page, sort=sort, tools=tools,
        more=history_cards(context, company, key),
    )  # fmt: skip


def _write_tools(context: PageContext, found: NamedSegment) -> list[h.Child]:
    t = context.t
    if found.ready_made:
        return [
            button(t("segments.copy"), href=f"/segments/new?from={found.key}", icon_name="copy")
        ]
    return [
        button(t("segments.edit"), href=f"/segments/{found.key}/edit", icon_name="pencil"),
        post_button(
            context,
            t("segments.delete"),
            action=f"/segments/{found.key}/delete",
            icon_name="trash",
            kind="danger",
        ),
    ]


def _shown(
    context: PageContext,
    company: Company,
    rule: Rule,
    title: str,
    path: str,
    *,
    keep: list[tuple[str, str]],
    number: int,
    sort: str,
    tools: h.Child,
    more: h.Child = None,
) -> Response[Any]:
    t, n = context.t, context.n
    descending, order = sort.startswith("-"), sort.removeprefix("-")
    found = segment_members(company, rule, page=number, order=order, descending=descending)
    counted = found.counted
    body = h.div(
        {"class": "stack"},
        card(in_words(context, rule, company.choice("time_zone")), title=t("segments.who")),
        more,
        card(
            _members(context, found, path, order, descending, keep),
            _how_good(context, found),
            _pages(context, found, path, sort, keep),
            title=t("segments.customers"),
            note=n.count(counted.members),
            flush=True,
        )
        if found.members
        else card(
            empty_state(t("segments.nobody"), t("segments.nobody_detail"), icon_name="users")
        ),
    )
    share = counted.members / counted.customers if counted.customers else 0.0
    subtitle = h.fragment(
        context.rich(
            "segments.counted",
            members=h.b(n.count(counted.members)),
            customers=n.count(counted.customers),
            share=n.share(share),
        )
    )
    return html_response(page(context, title, body, subtitle=subtitle, tools=tools))


def _members(
    context: PageContext,
    found: MembersPage,
    path: str,
    order: str,
    descending: bool,
    keep: list[tuple[str, str]],
) -> h.Markup:
    t, n = context.t, context.n
    alive = None if found.accuracy is None else found.accuracy.probability_alive
    columns = [
        Column(label=t("segments.member")),
        Column(label=t("segments.place")),
        Column(label=t("segments.orders"), key="order_count", numeric=True),
        Column(label=t("segments.revenue"), key="revenue", numeric=True),
        Column(label=t("segments.last_order"), key="last_order_at", numeric=True),
        Column(label=t("segments.last_nps"), key="last_nps", numeric=True),
        Column(
            label=t("segments.comes_back"),
            key="probability_alive",
            numeric=True,
            mark=heading_mark(context, alive),
        ),
    ]
    rows = [
        [
            h.a(
                {"href": f"/customers/{member.profile_id}"},
                member.name or t("segments.unnamed"),
            ),
            ", ".join(
                part
                for part in (
                    member.city,
                    country_name(context, member.country) if member.country else None,
                )
                if part
            ),
            n.count(member.order_count),
            n.money(member.revenue),
            n.date_short(member.last_order_at) if member.last_order_at else "–",
            "–" if member.last_nps is None else n.decimal(member.last_nps, digits=0),
            # The model takes everybody who bought once to be alive: of them it says nothing.
            comes_back(
                context, member.probability_alive if member.order_count > 1 else None, alive
            ),
        ]
        for member in found.members
    ]
    sorting = sort_by(path, order, descending=descending, keep=keep)
    return table(context, columns, rows, caption=t("segments.customers"), sort=sorting)


def _how_good(context: PageContext, found: MembersPage) -> h.Markup | None:
    said = accuracy_line(context, found.accuracy, "orders")
    return h.div({"class": "card-foot"}, said) if said else None


def _pages(
    context: PageContext, found: MembersPage, path: str, sort: str, keep: list[tuple[str, str]]
) -> h.Markup:
    size = 50
    number = (found.first - 1) // size + 1
    last = found.first + len(found.members) - 1

    def turn(other: int) -> str:
        return f"{path}?{urlencode([*keep, ('sort', sort), ('page', other)])}"

    return pagination(
        context,
        first=found.first,
        last=last,
        total=found.counted.members,
        number=number,
        turn=turn,
    )


def _csv(company: Company, found: NamedSegment) -> Response[Any]:
    lines: Iterator[bytes] = members_csv(company, found.rule)
    return Stream(
        lines,
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="segment-{found.key}.csv"',
            "Cache-Control": "no-store",
        },
    )


# ── making and changing ────────────────────────────────────────────────────────────────────────


@get("/segments/new", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def new_page(request: Request[Any, Any, Any], company: NamedDependency[Company]) -> Response[Any]:
    """An empty form, or one that starts from a segment (``from``) or a rule."""
    query = request.query_params
    context = context_of(request)
    draft, name = empty_draft(), ""
    zone = company.choice("time_zone")
    if query.get("rule"):
        draft = draft_of(read_rule(query["rule"]), zone)
        name = query.get("name", "")[:80]
    elif query.get("from"):
        found = find_segment(company, query["from"])
        draft = draft_of(found.rule, zone)
        name = context.t("segments.copy_of", name=segment_name(context, found))
    return _form(context, company, draft, name=name, key="")


@get("/segments/{key:str}/edit", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def edit_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> Response[Any]:
    """A segment of the company's own as a form."""
    found = find_segment(company, key)
    if found.ready_made:
        return Redirect(f"/segments/new?from={key}", status_code=303)
    draft = draft_of(found.rule, company.choice("time_zone"))
    return _form(context_of(request), company, draft, name=found.name or "", key=key)


@get("/segments/{key:str}/changes", sync_to_thread=True, opt=_READ, include_in_schema=False)
def changes_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    page: FromQuery[int] = 1,
    only: FromQuery[str] = "",
) -> Response[Any]:
    """Everybody who entered or left a segment, newest first."""
    context = context_of(request)
    found = find_segment(company, key)
    return changes_response(context, company, found, number=page, only=only)


@post("/segments/draft", sync_to_thread=True, opt=_READ, status_code=200, include_in_schema=False)
def draft_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company], data: Fields
) -> Response[Any]:
    """The form after a press or a change; nothing is stored."""
    fields = _texts(data)
    draft = act(read_draft(fields), fields.get("do", ""))
    return _form(
        context_of(request),
        company,
        draft,
        name=fields.get("name", ""),
        key=fields.get("key", ""),
    )


@post("/segments/count", sync_to_thread=True, opt=_READ, status_code=200, include_in_schema=False)
def count_fragment(
    request: Request[Any, Any, Any], company: NamedDependency[Company], data: Fields
) -> Response[Any]:
    """How many a rule describes, while it is being written."""
    rule = rule_of(read_draft(_texts(data)), company.choice("time_zone"))
    counted = None if rule is None else count_rule(company, rule)
    return html_response(count_line(context_of(request), counted))


@post("/segments/overlap", sync_to_thread=True, opt=_READ, status_code=200, include_in_schema=False)
def overlap_fragment(
    request: Request[Any, Any, Any], company: NamedDependency[Company], data: Fields
) -> Response[Any]:
    """Which other segments have most of the same people, while a rule is being written."""
    fields = _texts(data)
    rule = rule_of(read_draft(fields), company.choice("time_zone"))
    found = None if rule is None else rule_overlap(company, rule, but=fields.get("key") or None)
    return html_response(overlap_line(context_of(request), found))


@post("/segments", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def save_post(
    request: Request[Any, Any, Any], company: NamedDependency[Company], data: Fields
) -> Response[Any]:
    """Keep the segment, or show the form again with what is wrong."""
    fields = _texts(data)
    context = context_of(request)
    name, key = fields.get("name", ""), fields.get("key", "")
    if "rule" in fields:  # the undo of a deletion
        rule: Rule | None = read_rule(fields["rule"])
        draft = draft_of(rule, company.choice("time_zone"))  # type: ignore[arg-type]
    else:
        draft = read_draft(fields)
        rule = rule_of(draft, company.choice("time_zone"))
    if rule is None:
        return _form(context, company, draft, name=name, key=key, status_code=400)
    user: User = request.user
    try:
        kept = save_segment(company, name=name, rule=rule, author=user.email, key=key or None)
    except Conflict:
        error = context.t("segments.name_taken")
    except InvalidInput:
        error = context.t("segments.name_needed")
    else:
        return Redirect(f"/segments/{kept}", status_code=303)
    return _form(context, company, draft, name=name, key=key, error=error, status_code=400)


@post("/segments/{key:str}/delete", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def delete_post(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> Response[Any]:
    """Forget a segment; the list then offers to undo it."""
    user: User = request.user
    gone = delete_segment(company, key, author=user.email)
    query = urlencode({"gone": gone.name or "", "rule": write_rule(gone.rule).decode()})
    return Redirect(f"/segments?{query}", status_code=303)


def _texts(data: dict[str, Any]) -> dict[str, str]:
    """Fields as text; of a field that was sent twice, the last (a button after its form)."""
    return {
        name: str(value[-1]) if isinstance(value, list) and value else str(value)
        for name, value in data.items()
    }


def _form(
    context: PageContext,
    company: Company,
    draft: DraftGroup,
    *,
    name: str,
    key: str,
    error: str | None = None,
    status_code: int = 200,
) -> Response[Any]:
    rule = rule_of(draft, company.choice("time_zone"))
    counted: Counted | None = None if rule is None else count_rule(company, rule)
    overlap = None if rule is None else rule_overlap(company, rule, but=key or None)
    title = context.t("segments.edit_title" if key.startswith(OWN) else "segments.new")
    body = card(
        builder(
            context,
            company,
            draft,
            name=name,
            key=key,
            counted=counted,
            overlap=overlap,
            error=error,
        )
    )
    return html_response(
        page(context, title, body, subtitle=context.t("segments.new_subtitle")),
        status_code=status_code,
    )


routes = (
    segments_page,
    people_page,
    new_page,
    draft_page,
    count_fragment,
    overlap_fragment,
    save_post,
    segment_page,
    changes_page,
    edit_page,
    delete_post,
)
