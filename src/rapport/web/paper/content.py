"""What a board says, before it is laid out: the same words for mail and PDF."""

from __future__ import annotations

from msgspec import Struct

from rapport.understand.metrics import BY_NAME as METRICS
from rapport.web.parts.asked import (
    SaidFigure,
    SaidTable,
    chart_rows,
    figures_of,
    outlook_words,
    question_name,
    question_scope,
    row_parts,
    table_of,
)
from rapport.web.parts.board_names import board_name
from rapport.web.parts.context import PageContext
from rapport.web.parts.measures import unit_name, written
from rapport.web.words import LANGUAGES
from rapport.workflows.board_mail import AnsweredCard
from rapport.workflows.boards import Board
from rapport.workflows.company import Company
from rapport.workflows.saved_questions import AnsweredQuestion

_MOST_ROWS, _MOST_BARS = 14, 8


class DrawnLine(Struct, frozen=True, kw_only=True):
    """A line over time; after its last known value the forecast and its band."""

    name: str
    labels: tuple[str, ...]
    values: tuple[float | None, ...]
    forecast: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    highest: str = ""
    lowest: str = ""
    mark: str = ""


class DrawnBars(Struct, frozen=True, kw_only=True):
    """One bar per part, longest first."""

    names: tuple[str, ...]
    values: tuple[float, ...]
    written: tuple[str, ...]


class PaperCard(Struct, frozen=True, kw_only=True):
    """One question: its title, its days, its figures, and a picture or a table."""

    title: str
    scope: str
    figures: tuple[SaidFigure, ...] = ()
    drawing: DrawnLine | DrawnBars | None = None
    table: SaidTable | None = None
    notes: tuple[str, ...] = ()


class PaperContent(Struct, frozen=True, kw_only=True):
    """A whole board in one language."""

    title: str
    company: str
    language: str
    made: str
    link: str
    link_words: str
    why: str
    cards: tuple[PaperCard, ...]


def paper_content(
    company: Company, board: Board, cards: tuple[AnsweredCard, ...], *, language: str
) -> PaperContent:
    """The board's words in a language; one we do not write is English."""
    context = PageContext(
        language=language if language in LANGUAGES else "en",
        time_zone=company.choice("time_zone"),
        currency=company.choice("reporting_currency") or "EUR",
    )
    t = context.t
    return PaperContent(
        title=board_name(context, board),
        company=company.choice("company_name"),
        language=context.language,
        made=t("boards.made", when=context.n.date_time(company.clock())),
        link=f"{company.settings.public_url.rstrip('/')}/boards/{board.key}",
        link_words=t("boards.open"),
        why=t("boards.mail_why"),
        cards=tuple(_card(context, each) for each in cards),
    )


def _card(context: PageContext, card: AnsweredCard) -> PaperCard:
    question, answer = card.card.question, card.answer
    title = card.card.title or (question_name(context, question) if question else "")
    if answer is None:
        return PaperCard(
            title=title or context.t("boards.unreadable"),
            scope="",
            notes=(card.problem or context.t("questions.no_data"),),
        )
    notes = [outlook_words(context, name, each) for name, each in answer.outlook.items()]
    drawing = _drawing(context, answer)
    table = table_of(context, answer) if answer.saved.split or answer.saved.grain else None
    if table is not None and drawing is not None and len(answer.saved.split) == 0:
        table = None
    if table is not None and len(table.cells) > _MOST_ROWS:
        left = table.left_out + len(table.cells) - _MOST_ROWS
        notes.append(context.t("boards.rows_left", rows=context.n.count(left)))
        table = SaidTable(
            headings=table.headings,
            names=table.names,
            cells=table.cells[:_MOST_ROWS],
            rows=table.rows[:_MOST_ROWS],
            left_out=left,
        )
    if any(shown.hidden for row in answer.rows for shown in row.figures.values()):
        notes.append(context.t("questions.hidden_foot"))
    return PaperCard(
        title=title,
        scope=question_scope(context, answer),
        figures=figures_of(context, answer),
        drawing=drawing,
        table=table,
        notes=tuple(notes),
    )


def _drawing(context: PageContext, answer: AnsweredQuestion) -> DrawnLine | DrawnBars | None:
    """A picture of one metric; several stand as figures beside each other."""
    saved = answer.saved
    if len(saved.metrics) > 1:
        return None
    metric = METRICS[saved.metrics[0]]
    if saved.grain and not saved.split:
        rows = chart_rows(answer).get((), [])
        outlook = answer.outlook.get(metric.name)
        found = outlook.found if outlook else None
        ahead = outlook.first_days if outlook and found else ()
        rows = [row for row in rows if not ahead or row.first_day < ahead[0]]
        values = tuple(_number(row.figures[metric.name].value) for row in rows)
        known = [each for each in values if each is not None]
        if not known:
            return None
        days = [*(row.first_day for row in rows), *ahead]
        return DrawnLine(
            name=metric.name,
            labels=tuple(unit_name(context, saved.grain, day) for day in days),
            values=values,
            forecast=found.values if found else (),
            low=found.low if found else (),
            high=found.high if found else (),
            highest=written(context, metric, _rounded(metric.unit, max(known))),
            lowest=written(context, metric, _rounded(metric.unit, min(known))),
            mark=context.t("charts.forecast_mark") if found else "",
        )
    if not saved.grain and len(saved.split) == 1:
        bars = [
            (", ".join(row_parts(context, saved, row)), _number(row.figures[metric.name].value),
             written(context, metric, row.figures[metric.name].value))
            for row in answer.rows
        ]  # fmt: skip
        shown = sorted(
            ((name, value, said) for name, value, said in bars if value is not None),
            key=lambda bar: -bar[1],
        )[:_MOST_BARS]
        if shown:
            names, values_, said = zip(*shown, strict=True)
            return DrawnBars(names=names, values=values_, written=said)
    return None


def _rounded(unit: str, value: float) -> float:
    return round(value) if unit == "count" else value


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))
