"""Ask: any figure, split, filtered, compared; as charts, table, file and link."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from msgspec.structs import replace

from rapport.errors import InvalidQuestion, NotAllowed, NotFound
from rapport.understand.question import Filter
from rapport.web import html as h
from rapport.web.csv_file import csv_pieces
from rapport.web.pages.dashboard.behind import people_card
from rapport.web.pages.questions.address import question_href, read_question
from rapport.web.pages.questions.drawn import answer_table, drawing
from rapport.web.pages.questions.form import question_form
from rapport.web.pages.questions.put_on_board import board_form
from rapport.web.parts.asked import MOST_ROWS, question_name, question_scope
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import callout, card
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.measures import metric_name
from rapport.web.parts.states import empty_state
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.dashboard import View, stand
from rapport.workflows.metrics import metric_of, question_people
from rapport.workflows.saved_questions import AnsweredQuestion, SavedQuestion, answer_saved

_READ = {"permission": "dashboard.read"}
#: What the form shows before anything is asked.
_FIRST = SavedQuestion(metrics=("revenue",), grain="month")


@get("/questions", sync_to_thread=True, opt=_READ, include_in_schema=False)
def questions_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company]
) -> Response[Any]:
    """The form and, where something is asked, the answer."""
    context = context_of(request)
    t = context.t
    standing = stand(company, View())
    if standing is None:
        empty = card(empty_state(t("questions.no_data"), t("questions.no_data_detail")))
        return html_response(page(context, t("questions.title"), empty))
    saved, answer, problem = None, None, None
    try:
        saved = read_question(request.query_params)
        answer = None if saved is None else answer_saved(company, saved)
    except (InvalidQuestion, NotFound) as refused:
        problem = refused.message
    body: list[h.Child] = [
        card(
            question_form(context, company, standing, saved or _FIRST),
            title=t("questions.what"),
            span="span-12",
        )
    ]
    if problem is not None:
        body.append(callout(t("questions.cannot"), problem, tone="caution", span="span-12"))
    elif answer is None:
        body.append(
            card(empty_state(t("questions.empty"), t("questions.empty_detail")), span="span-12")
        )
    else:
        body += _answered(request, context, company, answer)
    return html_response(
        page(
            context,
            t("questions.title"),
            h.div({"class": "grid"}, body),
            subtitle=t("questions.subtitle"),
        ),
        status_code=400 if problem else 200,
    )


def _answered(
    request: Request[Any, Any, Any],
    context: PageContext,
    company: Company,
    answer: AnsweredQuestion,
) -> list[h.Child]:
    t, saved = context.t, answer.saved
    people = request.user.may("customers.read")
    title = question_name(context, saved)
    foot: list[h.Child] = []
    if any(not row.whole for row in answer.rows) and saved.grain:
        foot.append(h.div(t("questions.not_over")))
    if any(shown.hidden for row in answer.rows for shown in row.figures.values()):
        foot.append(h.div(t("questions.hidden_foot")))
    if (left := len(answer.rows) - MOST_ROWS) > 0:
        foot.append(h.div(t("questions.more_rows", rows=context.n.count(left))))
    csv = button(
        t("questions.csv"), href=question_href(saved, "/questions.csv"), icon_name="download"
    )
    found: list[h.Child] = [
        card(
            drawing(context, answer, people=people, metrics=True),
            title=title,
            note=question_scope(context, answer),
            span="span-12",
        ),
        card(
            answer_table(context, answer, people=people, caption=title),
            title=t("questions.table"),
            tools=csv,
            foot=foot or None,
            flush=True,
            span="span-12",
        ),
    ]
    if request.user.may("boards.write"):
        found.append(board_form(context, company, request.user, saved))
    return found


@get("/questions.csv", sync_to_thread=True, opt=_READ, include_in_schema=False)
def question_file(
    request: Request[Any, Any, Any], company: NamedDependency[Company]
) -> Response[bytes]:
    """Every row: ISO dates, exact amounts, nothing where too few people stand behind."""
    saved = read_question(request.query_params)
    answer = None if saved is None else answer_saved(company, saved)
    if answer is None:
        raise NotFound("Ask something first: the address names no metric with data. See /questions")
    text = "".join(csv_pieces(_header(answer), [_lines(answer)]))
    return Response(
        text.encode(),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="answer.csv"',
            "Cache-Control": "no-store",
        },
    )


_PARTS = ("", "_n", "_compared", "_change", "_hidden")


def _header(answer: AnsweredQuestion) -> list[str]:
    named = [f"{name}{part}" for name in answer.saved.metrics for part in _PARTS]
    return ["first_day", "whole", *answer.saved.split, *named]


def _lines(answer: AnsweredQuestion) -> Iterator[list[str]]:
    for row in answer.rows:
        cells: list[Any] = [row.first_day, row.whole, *row.parts]
        for shown in row.figures.values():
            cells += [shown.value, shown.n, shown.compared, shown.change, shown.hidden]
        yield ["" if cell is None else str(cell) for cell in cells]


@get(
    "/questions/people",
    sync_to_thread=True,
    opt={"permission": "customers.read"},
    include_in_schema=False,
)
def question_people_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    of: FromQuery[str],
    page_number: FromQuery[int] = 1,
    row: FromQuery[date | None] = None,
    parts: FromQuery[int] = 0,
) -> Response[Any]:
    """The customers behind one number of an answer: the whole, or one row."""
    if not request.user.may("dashboard.read"):
        raise NotAllowed("Your role may not see figures; ask whoever manages users")
    context, t = context_of(request), context_of(request).t
    metric = metric_of(of)
    query = request.query_params
    saved = read_question(query)
    answer = None if saved is None else answer_saved(company, saved)
    if saved is None or answer is None:
        raise NotFound("There is no such question with data. See /questions")
    question = replace(answer.question, metrics=(of,), grain=None, dimensions=(), segments=())
    if row is not None:
        span = {each.first_day: each for each in answer.question.periods()}.get(row)
        if span is None:
            raise NotFound(f"The answer has no period that begins on {row}; reload its page")
        question = replace(question, start=span.starts_at, end=span.ends_at)
    narrowed = tuple(
        Filter(dimension=name, values=(query.get(f"part{place}"),))
        for place, name in enumerate(saved.split[:parts])
    )
    question = replace(question, filters=(*question.filters, *narrowed))
    found = question_people(company, question, page=max(page_number, 1))

    def turn(other: int) -> str:
        more = {k: v for k, v in query.items() if k in ("of", "row", "parts") or k[:4] == "part"}
        return question_href(saved, "/questions/people", **more | {"page_number": str(other)})

    return html_response(
        page(
            context,
            t("metrics.people_of", metric=metric_name(context, of)),
            h.div({"class": "stack"}, people_card(context, metric, found, turn)),
            subtitle=question_scope(context, answer),
            tools=[button(t("questions.to_question"), href=question_href(saved), icon_name="info")],
        )
    )


routes = (questions_page, question_file, question_people_page)
