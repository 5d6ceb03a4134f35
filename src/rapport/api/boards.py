"""Boards: saved questions beside each other, their answers, and their weekly mail."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from litestar import Request, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import Body, FromPath
from msgspec import Struct

from rapport.errors import NotFound
from rapport.workflows.board_mail import (
    WeeklyMail,
    answer_card,
    set_weekly_mail,
    weekly_mail,
    write_paper,
)
from rapport.workflows.boards import (
    Board,
    add_card,
    boards_of,
    card_of,
    find_board,
    make_board,
    order_cards,
    remove_board,
    remove_card,
    rename_board,
    restore_board,
    restore_card,
)
from rapport.workflows.company import Company
from rapport.workflows.outlook import Outlook
from rapport.workflows.saved_questions import SavedQuestion, Shown, ShownRow

_READ = {"permission": "boards.read"}
_WRITE = {"permission": "boards.write"}


class BoardDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A board to be made."""

    name: str
    roles: tuple[str, ...] = ()
    questions: tuple[SavedQuestion, ...] = ()


class BoardChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another name of a board, other roles that see it, or both; what is left out stays."""

    name: str | None = None
    roles: tuple[str, ...] | None = None


class CardOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ids of all cards of a board, in the order in which they are to stand."""

    card_ids: tuple[int, ...]


class CardDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question to be put on a board."""

    question: SavedQuestion
    title: str | None = None


class MailDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a board is mailed (Monday is 0) and to whom; to nobody: not any more."""

    weekday: int
    hour: int
    recipients: tuple[str, ...]


class CardAnswer(Struct, frozen=True, kw_only=True):
    """What a card says, or why it says nothing."""

    question: SavedQuestion | None
    problem: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    whole: dict[str, Shown] = {}
    rows: tuple[ShownRow, ...] = ()
    outlook: dict[str, Outlook] = {}


@get("/api/v1/boards", sync_to_thread=True, opt=_READ, tags=["boards"])
def list_boards(
    request: Request[Any, Any, Any], company: NamedDependency[Company]
) -> tuple[Board, ...]:
    """Every board that the user may see, with its questions."""
    return boards_of(company, request.user)


@post("/api/v1/boards", sync_to_thread=True, opt=_WRITE, tags=["boards"])
def new_board(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    data: Annotated[BoardDraft, Body()],
) -> Board:
    """Make a board."""
    key = make_board(
        company, name=data.name, roles=data.roles, author=request.user, questions=data.questions
    )
    return find_board(company, key, request.user)


@get("/api/v1/boards/{key:str}", sync_to_thread=True, opt=_READ, tags=["boards"])
def read_board(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> Board:
    """One board with its questions."""
    return find_board(company, key, request.user)


@patch("/api/v1/boards/{key:str}", sync_to_thread=True, opt=_WRITE, tags=["boards"])
def change_board(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    data: Annotated[BoardChange, Body()],
) -> Board:
    """Rename a board, or show it to other roles."""
    board = find_board(company, key, request.user)
    rename_board(
        company,
        key,
        name=(board.name or "") if data.name is None else data.name,
        roles=board.roles if data.roles is None else data.roles,
        author=request.user,
    )
    return find_board(company, key, request.user)


@delete("/api/v1/boards/{key:str}", sync_to_thread=True, opt=_WRITE, tags=["boards"])
def forget_board(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> None:
    """Take a board away; it can be restored."""
    remove_board(company, key, author=request.user)


@post("/api/v1/boards/{key:str}/restore", sync_to_thread=True, opt=_WRITE, tags=["boards"])
def bring_board_back(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> Board:
    """Bring back a board that was taken away."""
    restore_board(company, key, author=request.user)
    return find_board(company, key, request.user)


@get("/api/v1/boards/{key:str}/pdf", sync_to_thread=True, opt=_READ, tags=["boards"])
def board_pdf(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> Response[bytes]:
    """The board as a PDF in the user's language, as the weekly mail brings it."""
    board = find_board(company, key, request.user)
    paper = write_paper(company, board, language=request.user.language)
    return Response(
        paper.pdf,
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="{board.key}.pdf"',
            "Cache-Control": "no-store",
        },
    )


@post("/api/v1/boards/{key:str}/cards", sync_to_thread=True, opt=_WRITE, tags=["boards"])
def new_card(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    data: Annotated[CardDraft, Body()],
) -> Board:
    """Put a question at the end of a board."""
    add_card(company, key, data.question, title=data.title, author=request.user)
    return find_board(company, key, request.user)


@put("/api/v1/boards/{key:str}/cards", sync_to_thread=True, opt=_WRITE, tags=["boards"])
def reorder_cards(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    data: Annotated[CardOrder, Body()],
) -> Board:
    """Put the cards of a board in another order."""
    order_cards(company, key, data.card_ids, author=request.user)
    return find_board(company, key, request.user)


@get(
    "/api/v1/boards/{key:str}/cards/{card_id:int}",
    sync_to_thread=True,
    opt=_READ,
    tags=["boards"],
)
def read_card(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    card_id: FromPath[int],
) -> CardAnswer:
    """What one card says now; where too few people stand behind a cell, it says nothing."""
    card = card_of(find_board(company, key, request.user), card_id)
    answered = answer_card(company, card)
    found = answered.answer
    if found is None:
        return CardAnswer(question=card.question, problem=answered.problem)
    return CardAnswer(
        question=card.question,
        first_day=found.first_day,
        last_day=found.last_day,
        whole=found.whole,
        rows=found.rows,
        outlook=found.outlook,
    )


@delete(
    "/api/v1/boards/{key:str}/cards/{card_id:int}",
    sync_to_thread=True,
    opt=_WRITE,
    tags=["boards"],
)
def forget_card(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    card_id: FromPath[int],
) -> None:
    """Take a question off a board; it can be restored."""
    remove_card(company, key, card_id, author=request.user)


@post(
    "/api/v1/boards/{key:str}/cards/{card_id:int}/restore",
    sync_to_thread=True,
    opt=_WRITE,
    tags=["boards"],
)
def bring_card_back(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    card_id: FromPath[int],
) -> Board:
    """Put a question back where it was before it was taken off."""
    restore_card(company, key, card_id, author=request.user)
    return find_board(company, key, request.user)


@get("/api/v1/boards/{key:str}/mail", sync_to_thread=True, opt=_WRITE, tags=["boards"])
def read_mail(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> WeeklyMail:
    """When a board is mailed, and to whom."""
    mail = weekly_mail(company, find_board(company, key, request.user).key)
    if mail is None:
        raise NotFound("This board is not mailed; choose recipients with PUT on this address")
    return mail


@put("/api/v1/boards/{key:str}/mail", sync_to_thread=True, opt=_WRITE, tags=["boards"])
def change_mail(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    data: Annotated[MailDraft, Body()],
) -> WeeklyMail | None:
    """Mail a board every week; to nobody: not any more."""
    set_weekly_mail(
        company,
        key,
        weekday=data.weekday,
        hour=data.hour,
        recipients=data.recipients,
        author=request.user,
    )
    return weekly_mail(company, key)


routes = (
    list_boards,
    new_board,
    read_board,
    change_board,
    forget_board,
    bring_board_back,
    board_pdf,
    new_card,
    reorder_cards,
    read_card,
    forget_card,
    bring_card_back,
    read_mail,
    change_mail,
)
