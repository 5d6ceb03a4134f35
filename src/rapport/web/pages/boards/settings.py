"""Who sees a board, and who gets it by mail."""

from __future__ import annotations

from rapport.vocabulary.access import ROLES
from rapport.web import html as h
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import callout, card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import checkbox, field, form, select_field
from rapport.workflows.board_mail import last_mails, possible_recipients, weekly_mail
from rapport.workflows.boards import Board
from rapport.workflows.company import Company

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def name_card(context: PageContext, board: Board) -> h.Markup:
    """The name, and the roles that see the board."""
    t = context.t
    roles = [role for role, may in ROLES.items() if "boards.read" in may]
    return card(
        form(
            context,
            field(
                t("boards.name"), "name", value=board.name or "", required=True,
                attributes={"maxlength": 80},
            ),
            h.div(
                {"class": "row"},
                (
                    checkbox(t(f"pages.role.{role}"), "roles", value=role,
                             checked=role in board.roles)
                    for role in roles
                ),
            ),
            h.div(button(t("boards.keep"), kind="primary")),
            action=f"/boards/{board.key}/change",
        ),
        title=t("boards.who_sees"),
        span="span-6",
    )  # fmt: skip


def mail_card(context: PageContext, company: Company, board: Board) -> h.Markup:
    """The weekly mail: when, to whom, and what became of the last one."""
    t = context.t
    mail = weekly_mail(company, board.key)
    chosen = () if mail is None else mail.recipients
    said: list[h.Child] = []
    if not company.settings.smtp_host:
        said.append(
            callout(
                t("boards.no_server"),
                t("boards.no_server_detail"),
                tone="caution",
                icon_name="mail-x",
            )
        )
    said += [
        h.p(
            {"class": "note"},
            h.bdi(line.recipient or ""),
            ": ",
            t(f"admin.outbox.status.{line.status}"),
            f" · {context.n.date_time(line.sent_at or line.created_at)}",
        )
        for line in last_mails(company, board.key)
    ]
    return card(
        form(
            context,
            h.div(
                {"class": "row"},
                select_field(
                    t("boards.weekday"),
                    "weekday",
                    [(str(day), t(f"boards.day.{name}")) for day, name in enumerate(_DAYS)],
                    value=str(0 if mail is None else mail.weekday),
                ),
                select_field(
                    t("boards.hour"),
                    "hour",
                    [(str(hour), f"{hour}:00") for hour in range(24)],
                    value=str(7 if mail is None else mail.hour),
                    hint=company.choice("time_zone"),
                ),
            ),
            (
                checkbox(
                    h.fragment(user.name, " ", h.span({"class": "muted"}, user.email)),
                    "recipients",
                    value=user.email.lower(),
                    checked=user.email.lower() in chosen,
                )
                for user in possible_recipients(company, board)
            ),
            h.div(button(t("boards.keep"), kind="primary")),
            action=f"/boards/{board.key}/mail",
        ),
        said or None,
        title=t("boards.weekly"),
        note=t("boards.nobody_off"),
        span="span-6",
    )
