"""Hypotheses: a sentence, how it was read, what the data say of it, and who is behind that."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect

from rapport.errors import InvalidInput
from rapport.understand.hypotheses.reading import read_sentence
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.pages.hypotheses.described import (
    difference_writer,
    mean_writer,
    outcome_words,
    verdict_chip,
    who_words,
)
from rapport.web.pages.hypotheses.figures import (
    Shown,
    alike_card,
    compared_card,
    experiment_card,
    how_much_card,
    looks_card,
    unmeasured_card,
    verdict_card,
)
from rapport.web.pages.hypotheses.form import (
    Draft,
    draft_of,
    editor,
    hypothesis_of,
    kept_exposure,
    read_draft,
)
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.frame import page as framed
from rapport.web.parts.states import empty_state, flash
from rapport.web.parts.tables import Column, pagination, table
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.hypotheses import (
    ComparedPage,
    NamedHypothesis,
    Side,
    compared_customers,
    find_hypothesis,
    list_hypotheses,
    look,
    restore_hypothesis,
    withdraw_hypothesis,
    write_hypothesis,
)
from rapport.workflows.segment_definitions import all_segments

_READ = {"permission": "dashboard.read"}
_PEOPLE = {"permission": "customers.read"}
_WRITE = {"permission": "segments.write"}
Fields = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/hypotheses", sync_to_thread=True, opt=_READ, include_in_schema=False)
def hypotheses_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    gone: FromQuery[int] = 0,
    statement: FromQuery[str] = "",
) -> Response[Any]:
    """A line to write in, and all that was believed."""
    context = context_of(request)
    t = context.t
    may_write = request.user.may("segments.write")
    found = list_hypotheses(company)
    body: list[h.Child] = []
    if gone and may_write:
        undo = post_button(context, t("hypotheses.undo"), action=f"/hypotheses/{gone}/restore")
        told = flash(t("hypotheses.gone", statement=statement[:300]), action=undo)
        body.append(h.div({"class": "flash-list"}, told))
    listed = (
        card(_listed(context, found), title=t("hypotheses.list"), flush=True)
        if found
        else card(
            empty_state(t("hypotheses.empty"), t("hypotheses.empty_detail"), icon_name="lightbulb")
        )
    )
    body.append(h.div({"class": "stack"}, _ask(context) if may_write else None, listed))
    return html_response(
        framed(context, t("hypotheses.title"), body, subtitle=t("hypotheses.subtitle"))
    )


def _ask(context: PageContext) -> h.Markup:
    t = context.t
    return card(
        form(
            context,
            h.div(
                {"class": "stack tight"},
                field(
                    t("hypotheses.ask"), "sentence", required=True,
                    hint=t("hypotheses.ask_hint"), attributes={"maxlength": 300},
                ),
                h.div(button(t("hypotheses.read"), kind="primary", icon_name="lightbulb")),
            ),
            action="/hypotheses/new",
            method="get",
        ),
    )  # fmt: skip


def _listed(context: PageContext, found: tuple[NamedHypothesis, ...]) -> h.Markup:
    t, n = context.t, context.n
    rows: list[list[h.Child]] = []
    for each in found:
        link = h.a({"href": f"/hypotheses/{each.hypothesis_id}"}, each.statement)
        newest = each.newest
        if newest is None:
            rows.append([link, t("hypotheses.not_looked"), "–", "–", "–"])
            continue
        result = newest.result
        difference = "–"
        if result.made_alike is not None:
            write = difference_writer(context, each.definition)
            difference = write(result.made_alike.difference)
        rows.append(
            [
                link,
                verdict_chip(context, result.said.verdict),
                difference,
                n.count((result.exposed or 0) + (result.others or 0)),
                n.date_short(newest.looked_at),
            ]
        )
    columns = [
        Column(label=t("hypotheses.statement")),
        Column(label=t("hypotheses.verdict_label")),
        Column(label=t("hypotheses.difference"), numeric=True),
        Column(label=t("hypotheses.customers"), numeric=True),
        Column(label=t("hypotheses.looked_at"), numeric=True),
    ]
    return table(context, columns, rows, caption=t("hypotheses.list"))


# ── writing one ────────────────────────────────────────────────────────────────────────────────


@get("/hypotheses/new", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def new_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    sentence: FromQuery[str] = "",
) -> Response[Any]:
    """How a sentence was read, to be changed."""
    context = context_of(request)
    draft = draft_of(sentence.strip()[:300], read_sentence(sentence, context.language))
    return _form(context, company, draft)


def _form(
    context: PageContext, company: Company, draft: Draft, error: str | None = None
) -> Response[Any]:
    t = context.t
    segments = all_segments(company)
    kept: h.Child = None
    if draft.kept_exposure:
        try:
            exposure = kept_exposure(context, draft)
        except InvalidInput:
            draft.kept_exposure = ""  # somebody changed the field: then there is nothing to keep
        else:
            kept = who_words(context, exposure, str(company.choice("time_zone")))
    body = editor(context, draft, segments, kept_words=kept, error=error)
    return html_response(
        framed(context, t("hypotheses.form.title"), body, subtitle=t("hypotheses.form.subtitle")),
        status_code=422 if error else 200,
    )


@post("/hypotheses", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def write(
    request: Request[Any, Any, Any], company: NamedDependency[Company], data: Fields
) -> Response[Any]:
    """Keep what the form says, and look."""
    context = context_of(request)
    user: User = request.user
    draft = read_draft(data)
    try:
        made = write_hypothesis(
            company,
            statement=draft.statement,
            definition=hypothesis_of(context, draft, all_segments(company)),
            author=user.email,
        )
    except InvalidInput as problem:
        return _form(context, company, draft, problem.message)
    look(company, made, author=user.email)
    return Redirect(f"/hypotheses/{made}", status_code=303)


# ── one of them ────────────────────────────────────────────────────────────────────────────────


@get("/hypotheses/{hypothesis_id:int}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def hypothesis_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    hypothesis_id: FromPath[int],
) -> Response[Any]:
    """What the data say of it."""
    context = context_of(request)
    t, n = context.t, context.n
    found = find_hypothesis(company, hypothesis_id)
    tools: list[h.Child] = []
    if request.user.may("segments.write"):
        tools = [
            post_button(
                context,
                t("hypotheses.look_again" if found.looks else "hypotheses.look"),
                action=f"/hypotheses/{hypothesis_id}/look",
                icon_name="scale",
            ),
            post_button(
                context,
                t("hypotheses.withdraw"),
                action=f"/hypotheses/{hypothesis_id}/withdraw",
                icon_name="trash",
                kind="quiet",
            ),
        ]
    time_zone = str(company.choice("time_zone"))
    newest = found.newest
    if newest is None:
        who = who_words(context, found.definition.exposure, time_zone)
        body: h.Child = card(
            empty_state(t("hypotheses.not_looked"), t("hypotheses.form.counts"),
                        icon_name="lightbulb"),
            h.p(context.rich("hypotheses.result.exposed", who=who), ": ",
                outcome_words(context, found.definition.outcome)),
        )  # fmt: skip
    else:
        shown = Shown(
            context=context,
            hypothesis=found,
            look=newest,
            may_see_people=request.user.may("customers.read"),
            time_zone=time_zone,
        )
        body = h.div(
            {"class": "grid"},
            verdict_card(shown),
            how_much_card(shown),
            compared_card(shown),
            alike_card(shown),
            h.div(
                {"class": "span-6 stack"},
                experiment_card(shown),
                unmeasured_card(shown),
            )
            if newest.result.made_alike is not None
            else None,
            looks_card(shown),
        )
    subtitle = t("hypotheses.by", author=found.author, when=n.date(found.created_at))
    return html_response(framed(context, found.statement, body, subtitle=subtitle, tools=tools))


@post("/hypotheses/{hypothesis_id:int}/look", sync_to_thread=True, opt=_WRITE,
      include_in_schema=False)  # fmt: skip
def look_again(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    hypothesis_id: FromPath[int],
) -> Response[Any]:
    """Look at the data as they are now; the same data are not looked at twice."""
    look(company, hypothesis_id, author=request.user.email)
    return Redirect(f"/hypotheses/{hypothesis_id}", status_code=303)


@post("/hypotheses/{hypothesis_id:int}/withdraw", sync_to_thread=True, opt=_WRITE,
      include_in_schema=False)  # fmt: skip
def withdraw(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    hypothesis_id: FromPath[int],
) -> Response[Any]:
    """Take it off the list."""
    found = find_hypothesis(company, hypothesis_id)
    withdraw_hypothesis(company, hypothesis_id, author=request.user.email)
    return Redirect(
        "/hypotheses",
        status_code=303,
        query_params={"gone": str(hypothesis_id), "statement": found.statement},
    )


@post("/hypotheses/{hypothesis_id:int}/restore", sync_to_thread=True, opt=_WRITE,
      include_in_schema=False)  # fmt: skip
def restore(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    hypothesis_id: FromPath[int],
) -> Response[Any]:
    """Put it on the list again."""
    restore_hypothesis(company, hypothesis_id, author=request.user.email)
    return Redirect(f"/hypotheses/{hypothesis_id}", status_code=303)


# ── who is behind it ───────────────────────────────────────────────────────────────────────────


@get("/hypotheses/{hypothesis_id:int}/customers", sync_to_thread=True, opt=_PEOPLE,
     include_in_schema=False)  # fmt: skip
def customers_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    hypothesis_id: FromPath[int],
    side: FromQuery[Side] = "exposed",
    page: FromQuery[int] = 1,
) -> Response[Any]:
    """The customers of one side, each with the way to their timeline."""
    context = context_of(request)
    t = context.t
    asked = find_hypothesis(company, hypothesis_id)
    found = compared_customers(company, hypothesis_id, side, page=page)
    zone = str(company.choice("time_zone"))
    who: h.Child = t("hypotheses.result.others")
    if side == "exposed":
        who = context.rich(
            "hypotheses.result.exposed", who=who_words(context, asked.definition.exposure, zone)
        )
    body = (
        _people(context, asked, found, side, page)
        if found.people
        else card(
            empty_state(
                t("hypotheses.result.nobody"),
                t("hypotheses.result.nobody_detail"),
                icon_name="users",
            )
        )
    )
    back = button(
        t("hypotheses.result.back"), href=f"/hypotheses/{hypothesis_id}", icon_name="arrow-left"
    )
    return html_response(
        framed(
            context,
            t("hypotheses.result.people"),
            body,
            subtitle=h.fragment(asked.statement, " · ", who),
            tools=back,
        )
    )


def _people(
    context: PageContext, asked: NamedHypothesis, found: ComparedPage, side: Side, number: int
) -> h.Markup:
    t, n = context.t, context.n
    write = mean_writer(context, asked.definition)
    measure = asked.definition.outcome.measure

    def outcome(value: float) -> str:
        if measure in ("happens", "never"):
            return t("hypotheses.result.yes" if value else "hypotheses.result.no")
        return n.count(round(value)) if measure == "count" else write(value)

    rows = [
        [
            h.a({"href": f"/customers/{each.profile_id}"}, each.name or t("segments.unnamed")),
            n.date_time(each.followed_from),
            outcome(each.outcome),
        ]
        for each in found.people
    ]

    def turn(to: int) -> str:
        return f"/hypotheses/{asked.hypothesis_id}/customers?side={side}&page={to}"

    last = found.first + len(found.people) - 1
    return card(
        table(
            context,
            [
                Column(label=t("segments.member")),
                Column(label=t("hypotheses.result.from"), numeric=True),
                Column(label=t("hypotheses.result.value"), numeric=True),
            ],
            rows,
            caption=t("hypotheses.result.people"),
        ),
        pagination(
            context,
            first=found.first,
            last=last,
            total=found.total,
            number=number,
            turn=turn,
        ),
        title=outcome_words(context, asked.definition.outcome),
        note=n.count(found.total),
        flush=True,
    )


routes = (
    hypotheses_page,
    new_page,
    write,
    hypothesis_page,
    look_again,
    withdraw,
    restore,
    customers_page,
)
