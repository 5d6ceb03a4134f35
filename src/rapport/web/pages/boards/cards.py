"""A card of a board: its place until it has loaded, and itself."""

from __future__ import annotations

from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.pages.questions.address import question_href
from rapport.web.pages.questions.drawn import answer_table, drawing
from rapport.web.parts.asked import question_name, question_scope
from rapport.web.parts.buttons import icon_button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.htmx import lazy, load
from rapport.web.parts.states import error_state
from rapport.workflows.board_mail import AnsweredCard
from rapport.workflows.boards import Board, Card


def card_frame(board: Board, each: Card) -> h.Markup:
    """Where the card will be."""
    return lazy(f"/boards/{board.key}/cards/{each.card_id}", height=280, span=_span(each))


def _span(each: Card) -> str:
    several = each.question is not None and len(each.question.metrics) > 1
    return "span-12" if several else "span-6"


def drawn_card(context: PageContext, user: User, board: Board, answered: AnsweredCard) -> h.Markup:
    """The card, or what is wrong with it and where to mend it."""
    t, each = context.t, answered.card
    tools = _tools(context, board, each) if board.changeable_by(user) else []
    question = each.question
    if question is None or answered.answer is None:
        address = f"/boards/{board.key}/cards/{each.card_id}"
        shown = error_state(
            context,
            t("boards.unreadable"),
            h.fragment(answered.problem or t("questions.no_data"), " ", h.code(each.kept)),
            retry=address,
            attributes=load(address, target="closest section"),
        )
        return card(shown, title=each.title, tools=tools, span=_span(each))
    people = user.may("customers.read") and user.may("dashboard.read")
    metrics = user.may("dashboard.read")
    title: h.Child = each.title or question_name(context, question)
    if metrics:
        title = h.a({"href": question_href(question), "style": "color:inherit"}, title)
    body: list[h.Child] = [
        h.p({"class": "note"}, question_scope(context, answered.answer)),
        drawing(context, answered.answer, people=people, metrics=metrics),
    ]
    if question.split:
        name = question_name(context, question)
        table = answer_table(context, answered.answer, people=people, caption=name)
        shown = h.details({"class": "chart-data"}, h.summary(t("charts.show_data")), table)
        body.append(h.div({"class": "chart-foot"}, shown))
    return card(body, title=title, tools=tools, span=_span(each))


def _tools(context: PageContext, board: Board, each: Card) -> list[h.Child]:
    def press(action: str, picture: str, label: str) -> h.Markup:
        return h.form(
            {"method": "post", "action": f"/boards/{board.key}/cards/{each.card_id}/{action}"},
            context.csrf_input,
            icon_button(label, picture),
        )

    return [
        press("earlier", "arrow-left", context.t("boards.earlier")),
        press("later", "arrow-right", context.t("boards.later")),
        press("remove", "x", context.t("boards.remove_card")),
    ]
