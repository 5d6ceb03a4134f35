"""The form that puts a question on a board, an own one or a new one."""

from __future__ import annotations

import msgspec

from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form, select_field
from rapport.workflows.boards import boards_of
from rapport.workflows.company import Company
from rapport.workflows.saved_questions import SavedQuestion


def board_form(
    context: PageContext, company: Company, user: User, saved: SavedQuestion
) -> h.Markup:
    """Which board, and its name where it is new."""
    t = context.t
    own = [each for each in boards_of(company, user) if each.changeable_by(user)]
    return card(
        form(
            context,
            h.input(
                {"type": "hidden", "name": "question", "value": msgspec.json.encode(saved).decode()}
            ),
            h.div(
                {"class": "row"},
                select_field(
                    t("questions.which_board"),
                    "board",
                    [
                        *((each.key, each.name or "") for each in own),
                        ("", t("questions.new_board")),
                    ],
                ),
                field(t("questions.new_name"), "name", attributes={"maxlength": 80}),
                h.div(
                    {"style": "align-self:end"},
                    button(t("questions.put_on"), icon_name="pin", kind="primary"),
                ),
            ),
            action="/boards/cards",
        ),
        title=t("questions.put_on"),
        span="span-12",
    )
