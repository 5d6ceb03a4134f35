"""Boards: questions beside each other, each card loading by itself, and their weekly mail."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect

from rapport.errors import InvalidInput
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.pages.boards.cards import card_frame, drawn_card
from rapport.web.pages.boards.settings import mail_card, name_card
from rapport.web.parts.board_names import board_name
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.frame import page
from rapport.web.parts.states import empty_state, flash, flash_list
from rapport.web.parts.tables import Column, table
from rapport.web.visit import context_of, html_response
from rapport.workflows.board_mail import answer_card, set_weekly_mail, write_paper
from rapport.workflows.boards import (
    add_card,
    boards_of,
    card_of,
    find_board,
    make_board,
    move_card,
    remove_board,
    remove_card,
    rename_board,
    restore_board,
    restore_card,
)
from rapport.workflows.company import Company
from rapport.workflows.saved_questions import read_saved

_READ = {"permission": "boards.read"}
_WRITE = {"permission": "boards.write"}
Fields = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/boards", sync_to_thread=True, opt=_READ, include_in_schema=False)
def boards_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    gone: FromQuery[str] = "",
) -> Response[Any]:
    """Every board that the user may see."""
    context, user = context_of(request), request.user
    t = context.t
    rows = [
        [
            h.a({"href": f"/boards/{each.key}"}, h.bdi(board_name(context, each))),
            context.n.count(len(each.cards)),
            each.author or t("boards.ready_made"),
        ]
        for each in boards_of(company, user)
    ]
    columns = [
        Column(label=t("boards.board")),
        Column(label=t("boards.questions"), numeric=True),
        Column(label=t("boards.by")),
    ]
    ask = None
    if user.may("dashboard.read") and user.may("boards.write"):
        ask = button(t("boards.ask"), href="/questions", kind="primary", icon_name="plus")
    body: list[h.Child] = []
    if gone:
        undo = post_button(context, t("boards.undo"), action=f"/boards/{gone}/restore")
        body.append(flash_list(flash(t("boards.board_removed"), action=undo)))
    listed = (
        card(table(context, columns, rows, caption=t("boards.title")), flush=True)
        if rows
        else card(empty_state(t("boards.none"), t("boards.none_detail")))
    )
    return html_response(
        page(context, t("boards.title"), [*body, listed], subtitle=t("boards.subtitle"), tools=ask)
    )


@get("/boards/{key:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def board_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    gone: FromQuery[int | None] = None,
) -> Response[Any]:
    """One board; its cards load each by itself."""
    context, user = context_of(request), request.user
    t = context.t
    board = find_board(company, key, user)
    change = board.changeable_by(user)
    body: list[h.Child] = []
    if gone is not None and change:
        undo = post_button(context, t("boards.undo"), action=f"/boards/{key}/cards/{gone}/restore")
        body.append(flash_list(flash(t("boards.card_removed"), action=undo)))
    if not board.cards:
        body.append(card(empty_state(t("boards.empty"), t("boards.empty_detail"))))
    at_once = "whole" in request.query_params
    cards: list[h.Child] = [
        drawn_card(context, user, board, answer_card(company, each))
        if at_once
        else card_frame(board, each)
        for each in board.cards
    ]
    if user.may("boards.write"):
        cards.append(mail_card(context, company, board))
        if change:
            cards.append(name_card(context, board))
    body.append(h.div({"class": "grid"}, cards))
    if board.cards and not at_once:
        body.append(
            h.element("noscript")(
                h.a({"href": f"/boards/{key}?whole=1"}, t("dashboard.without_scripts"))
            )
        )
    tools: list[h.Child] = [
        button(t("boards.pdf"), href=f"/boards/{key}/paper/pdf", icon_name="file-down"),
        button(t("boards.html"), href=f"/boards/{key}/paper/html", icon_name="mail"),
    ]
    if user.may("boards.write"):
        copied = t("boards.copy_of", name=board_name(context, board))
        tools.append(
            post_button(
                context, t("boards.copy"), action="/boards",
                values={"from": key, "name": copied[:80]}, icon_name="copy",
            )
        )  # fmt: skip
    if change:
        tools.append(
            post_button(
                context, t("boards.remove"), action=f"/boards/{key}/remove", icon_name="trash"
            )
        )
    return html_response(
        page(
            context,
            board_name(context, board),
            body,
            subtitle=t(
                "boards.seen_by",
                roles=", ".join(t(f"pages.role.{role}") for role in board.roles)
                or t("boards.only_author"),
            ),
            tools=tools,
        )
    )


@get(
    "/boards/{key:str}/cards/{card_id:int}",
    sync_to_thread=True,
    opt=_READ,
    include_in_schema=False,
)
def board_card(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    card_id: FromPath[int],
) -> Response[Any]:
    """One card, with its own error where it has no answer."""
    board = find_board(company, key, request.user)
    answered = answer_card(company, card_of(board, card_id))
    return html_response(drawn_card(context_of(request), request.user, board, answered))


@get("/boards/{key:str}/paper/{kind:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def board_file(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    kind: FromPath[str],
) -> Response[bytes]:
    """What the weekly mail brings, to keep or to look at."""
    if kind not in ("pdf", "html"):
        raise InvalidInput("A board is written as paper/pdf or paper/html")
    board = find_board(company, key, request.user)
    paper = write_paper(company, board, language=context_of(request).language)
    return Response(
        paper.pdf if kind == "pdf" else paper.html.encode(),
        media_type="application/pdf" if kind == "pdf" else "text/html; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{key}.{kind}"',
            "Cache-Control": "no-store",
        },
    )


# ── what writes ────────────────────────────────────────────────────────────────────────────────


@post("/boards", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def copy_board(
    request: Request[Any, Any, Any], company: NamedDependency[Company], data: Fields
) -> Response[Any]:
    """A board of one's own, with the questions of another."""
    user: User = request.user
    source = find_board(company, str(data.get("from", "")), user)
    key = make_board(
        company,
        name=str(data.get("name", "")),
        roles=(),
        author=user,
        questions=[each.question for each in source.cards if each.question],
    )
    return Redirect(f"/boards/{key}", status_code=303)


@post("/boards/cards", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def put_card(
    request: Request[Any, Any, Any], company: NamedDependency[Company], data: Fields
) -> Response[Any]:
    """Put a question on a board; without one on a new board of the given name."""
    user: User = request.user
    question = read_saved(str(data.get("question", "")))
    key = str(data.get("board", ""))
    if key:
        add_card(company, key, question, author=user)
    else:
        name = str(data.get("name", ""))
        key = make_board(company, name=name, roles=(), author=user, questions=[question])
    return Redirect(f"/boards/{key}", status_code=303)


@post("/boards/{key:str}/remove", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def take_board_away(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
) -> Response[Any]:
    """Take a board away."""
    remove_board(company, key, author=request.user)
    return Redirect(f"/boards?gone={key}", status_code=303)


@post("/boards/{key:str}/restore", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def bring_board_back(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
) -> Response[Any]:
    """Bring a board back that was taken away."""
    restore_board(company, key, author=request.user)
    return Redirect(f"/boards/{key}", status_code=303)


@post("/boards/{key:str}/change", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def change_board(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    data: Fields,
) -> Response[Any]:
    """Rename a board, or say who sees it."""
    roles = _several(data, "roles")
    name = str(data.get("name", ""))
    rename_board(company, key, name=name, roles=roles, author=request.user)
    return Redirect(f"/boards/{key}", status_code=303)


@post("/boards/{key:str}/mail", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def change_mail(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    data: Fields,
) -> Response[Any]:
    """Say when a board is mailed, and to whom."""
    set_weekly_mail(
        company,
        key,
        weekday=_whole(data, "weekday"),
        hour=_whole(data, "hour"),
        recipients=_several(data, "recipients"),
        author=request.user,
    )
    return Redirect(f"/boards/{key}", status_code=303)


@post(
    "/boards/{key:str}/cards/{card_id:int}/{action:str}",
    sync_to_thread=True,
    opt=_WRITE,
    include_in_schema=False,
)
def change_card(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    card_id: FromPath[int],
    action: FromPath[str],
) -> Response[Any]:
    """Move a card, take it off the board or put it back."""
    user: User = request.user
    if action == "remove":
        remove_card(company, key, card_id, author=user)
        return Redirect(f"/boards/{key}?gone={card_id}", status_code=303)
    if action == "restore":
        restore_card(company, key, card_id, author=user)
    elif action in ("earlier", "later"):
        move_card(company, key, card_id, later=action == "later", author=user)
    else:
        raise InvalidInput("A card can be moved earlier or later, removed and restored")
    return Redirect(f"/boards/{key}", status_code=303)


def _several(data: dict[str, Any], name: str) -> list[str]:
    """A field of which the form may have sent one, several or none."""
    given = data.get(name, [])
    return [str(each) for each in given] if isinstance(given, list) else [str(given)]


def _whole(data: dict[str, Any], name: str) -> int:
    text = str(data.get(name, ""))
    if not (text.isascii() and text.isdecimal() and len(text) < 3):
        raise InvalidInput(f"`{name}` is a whole number, not {text[:20]!r}")
    return int(text)


routes = (
    boards_page,
    board_page,
    board_card,
    board_file,
    copy_board,
    put_card,
    take_board_away,
    bring_board_back,
    change_board,
    change_mail,
    change_card,
)
