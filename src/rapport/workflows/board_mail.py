"""A board as a weekly mail: to colleagues whose role may see it, once a week whoever restarts.

What is sent is decided when it is sent: by the role and the rights that a colleague has then.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from importlib import import_module
from typing import Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import delete, insert, select

from rapport.act.channels.base import Attachment, Message
from rapport.act.outbox import OutboxMessage, enqueue
from rapport.act.outbox_list import OutboxLine, message_under
from rapport.errors import InvalidInput, NotAllowed, RapportError
from rapport.vocabulary.access import User
from rapport.vocabulary.ledger_tables import audit, board_mail
from rapport.workflows.boards import Board, Card, find_board
from rapport.workflows.company import Company
from rapport.workflows.saved_questions import AnsweredQuestion, answer_saved
from rapport.workflows.users import list_users

#: A worker that was down for longer lets the week's mail be: its figures would be of another day.
_LATEST = timedelta(days=2)
MOST_RECIPIENTS = 50


class WeeklyMail(Struct, frozen=True, kw_only=True):
    """When a board is mailed, in the company's time zone, and to whom; Monday is 0."""

    board: str
    weekday: int
    hour: int
    recipients: tuple[str, ...]
    changed_at: datetime


class AnsweredCard(Struct, frozen=True, kw_only=True):
    """A card with its answer, or why there is none."""

    card: Card
    answer: AnsweredQuestion | None = None
    problem: str | None = None


class Paper(Struct, frozen=True, kw_only=True):
    """A board in words and pictures, to be sent or kept."""

    subject: str
    text: str
    html: str
    pdf: bytes


class PaperMaker(Protocol):
    """Writes a board down in one language."""

    def __call__(
        self, company: Company, board: Board, cards: tuple[AnsweredCard, ...], *, language: str
    ) -> Paper: ...


def paper_maker() -> PaperMaker:
    """What writes words and draws charts; it stands above workflows and is named as text."""
    maker: PaperMaker = import_module("rapport.web.paper").board_paper
    return maker


def answer_cards(company: Company, board: Board) -> tuple[AnsweredCard, ...]:
    """Every card with its answer; one that has none does not take the others with it."""
    return tuple(answer_card(company, card) for card in board.cards)


def answer_card(company: Company, card: Card) -> AnsweredCard:
    """One card's answer, or why there is none."""
    if card.question is None:
        return AnsweredCard(card=card, problem=card.problem)
    try:
        answer = answer_saved(company, card.question)
    except RapportError as problem:
        return AnsweredCard(card=card, problem=problem.message)
    return AnsweredCard(card=card, answer=answer)


def write_paper(company: Company, board: Board, *, language: str) -> Paper:
    """The board as a file to keep."""
    return paper_maker()(company, board, answer_cards(company, board), language=language)


# ── who gets it, and when ──────────────────────────────────────────────────────────────────────


def weekly_mail(company: Company, key: str) -> WeeklyMail | None:
    """When a board is mailed; None: it is not."""
    with company.ledger.read() as connection:
        row = connection.execute(select(board_mail).where(board_mail.c.board == key)).first()
    return None if row is None else _mail(row)


def possible_recipients(company: Company, board: Board) -> list[User]:
    """Colleagues who may see the board."""
    return [user for user in list_users(company) if board.visible_to(user)]


def set_weekly_mail(
    company: Company,
    key: str,
    *,
    weekday: int,
    hour: int,
    recipients: Iterable[str],
    author: User,
) -> None:
    """Mail a board every week; to nobody: not any more.

    Raises
    ------
    NotAllowed
        If the user may not write boards.
    InvalidInput
        If the moment is none, or somebody's role may not see the board.
    """
    board = find_board(company, key, author)
    if not author.may("boards.write"):
        raise NotAllowed("Your role may not say who gets boards by mail; ask an administrator")
    if not 0 <= weekday <= 6 or not 0 <= hour <= 23:
        raise InvalidInput("A week has days 0 (Monday) to 6, a day hours 0 to 23")
    chosen = list(dict.fromkeys(each.strip().lower() for each in recipients if each.strip()))
    able = {user.email.lower() for user in possible_recipients(company, board)}
    if not set(chosen) <= able:
        raise InvalidInput(
            "Only colleagues with an account whose role may see the board can get it; "
            f"choose among {', '.join(sorted(able))}"
        )
    if len(chosen) > MOST_RECIPIENTS:
        raise InvalidInput(f"A board is mailed to at most {MOST_RECIPIENTS} colleagues")
    now = company.clock()
    with company.ledger.write() as connection:
        connection.execute(delete(board_mail).where(board_mail.c.board == key))
        if chosen:
            connection.execute(
                insert(board_mail).values(
                    board=key,
                    weekday=weekday,
                    hour=hour,
                    recipients=chosen,
                    author=author.email,
                    changed_at=now,
                )
            )
        connection.execute(
            insert(audit).values(at=now, actor=author.email, action="board_mail", subject=key)
        )


def _mail(row: object) -> WeeklyMail:
    return WeeklyMail(
        board=row.board,  # type: ignore[attr-defined]
        weekday=row.weekday,  # type: ignore[attr-defined]
        hour=row.hour,  # type: ignore[attr-defined]
        recipients=tuple(row.recipients),  # type: ignore[attr-defined]
        changed_at=row.changed_at,  # type: ignore[attr-defined]
    )


# ── sending ────────────────────────────────────────────────────────────────────────────────────


def due_day(mail: WeeklyMail, now: datetime, time_zone: str) -> date | None:
    """The local day of the mail that is due now; None: there is none."""
    due = _newest_due(mail, now, time_zone)
    return due.date() if mail.changed_at <= due and now - due <= _LATEST else None


def _newest_due(mail: WeeklyMail, now: datetime, time_zone: str) -> datetime:
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    day = today - timedelta(days=(today.weekday() - mail.weekday) % 7)
    due = datetime.combine(day, time(mail.hour), tzinfo=zone)
    return due if due <= now else datetime.combine(day - timedelta(7), time(mail.hour), tzinfo=zone)


def mail_due_boards(company: Company) -> int:
    """Put every board that is due into the outbox, once; returns how many mails."""
    with company.ledger.read() as connection:
        mails = [_mail(row) for row in connection.execute(select(board_mail))]
    zone = company.choice("time_zone")
    sent = 0
    for mail in mails:
        day = due_day(mail, company.clock(), zone)
        if day is not None:
            sent += mail_board(company, mail.board, mail.recipients, day=day)
    return sent


def mail_board(company: Company, key: str, recipients: Iterable[str], *, day: date) -> int:
    """Put a board's mail of a day into the outbox for each recipient; returns how many are new.

    Who has no account any more, or whose role may not see the board any more, gets none.
    """
    wanted = {each.lower() for each in recipients}
    users = [user for user in list_users(company) if user.email.lower() in wanted]
    with company.ledger.read() as connection:
        users = [
            user for user in users if message_under(connection, mail_key(key, day, user)) is None
        ]
    board, cards, papers = None, None, dict[str, Paper]()
    messages = []
    for user in users:
        try:
            board = find_board(company, key, user)
        except RapportError:
            continue
        cards = answer_cards(company, board) if cards is None else cards
        if user.language not in papers:
            papers[user.language] = paper_maker()(company, board, cards, language=user.language)
        messages.append(_message(key, day, user, papers[user.language]))
    if not messages:
        return 0
    with company.ledger.write() as connection:
        return enqueue(connection, company.ledger, messages, at=company.clock())


def _message(key: str, day: date, user: User, paper: Paper) -> OutboxMessage:
    return OutboxMessage(
        idempotency_key=mail_key(key, day, user),
        channel="email",
        recipient=user.email,
        message=Message(
            subject=paper.subject,
            text=paper.text,
            html=paper.html,
            attachments=(
                Attachment(name=f"{key}-{day}.pdf", media_type="application/pdf", data=paper.pdf),
            ),
        ),
    )


def mail_key(key: str, day: date, user: User) -> str:
    """The key under which a mail is sent once."""
    return f"board:{key}:{day.isoformat()}:{user.user_id}"


def last_mails(company: Company, key: str) -> tuple[OutboxLine, ...]:
    """What became of the newest mail to each recipient."""
    mail = weekly_mail(company, key)
    if mail is None:
        return ()
    day = _newest_due(mail, company.clock(), company.choice("time_zone")).date()
    users = [user for user in list_users(company) if user.email.lower() in mail.recipients]
    with company.ledger.read() as connection:
        found = [message_under(connection, mail_key(key, day, user)) for user in users]
    return tuple(line for line in found if line is not None)
