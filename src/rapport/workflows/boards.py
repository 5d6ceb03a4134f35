"""Boards: saved questions beside each other, for those whose role may see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, func, insert, select, update

from rapport.errors import InvalidInput, InvalidQuestion, NotAllowed, NotFound
from rapport.understand.question import unknown
from rapport.vocabulary.access import ROLES, User
from rapport.vocabulary.ledger_tables import audit, board, board_card
from rapport.workflows.company import Company
from rapport.workflows.ready_boards import READY_BOARDS
from rapport.workflows.saved_questions import SavedQuestion, check_saved, read_saved

OWN = "own-"
MOST_CARDS = 24


class Card(Struct, frozen=True, kw_only=True):
    """One question of a board.

    `question` is None, and `problem` says why, where what was kept is no question any more; the
    text that was kept is `kept`.
    """

    card_id: int
    title: str | None
    question: SavedQuestion | None
    problem: str | None = None
    kept: str = ""


class Board(Struct, frozen=True, kw_only=True):
    """A board; `name` is None for ready-made ones, which pages put into words."""

    key: str
    name: str | None
    roles: tuple[str, ...]
    author: str | None
    cards: tuple[Card, ...]

    def visible_to(self, user: User) -> bool:
        """Whether the user may see it: their role, their own, or who manages users."""
        if not user.may("boards.read"):
            return False
        return user.role in self.roles or user.email == self.author or user.may("users.write")

    def changeable_by(self, user: User) -> bool:
        """Whether the user may change it: their own, or who manages users."""
        if self.author is None or not user.may("boards.write"):
            return False
        return user.email == self.author or user.may("users.write")


_READY = {
    key: Board(
        key=key,
        name=None,
        roles=roles,
        author=None,
        cards=tuple(
            Card(card_id=number, title=None, question=question)
            for number, question in enumerate(questions, 1)
        ),
    )
    for key, (roles, questions) in READY_BOARDS.items()
}


# ── reading ────────────────────────────────────────────────────────────────────────────────────


def boards_of(company: Company, user: User) -> tuple[Board, ...]:
    """Every board that the user may see: the company's own by name, then the ready-made ones."""
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(board).where(board.c.removed_at.is_(None)).order_by(board.c.name)
        ).all()
        own = _read(connection, rows)
    return tuple(each for each in (*own, *_READY.values()) if each.visible_to(user))


def find_board(company: Company, key: str, user: User) -> Board:
    """The board of a key.

    Raises
    ------
    NotFound
        If there is none that the user may see: that there is one for others is not said.
    """
    found = _READY.get(key)
    if found is None:
        with company.ledger.read() as connection:
            rows = connection.execute(
                select(board).where(board.c.board_id == _own_id(key), board.c.removed_at.is_(None))
            ).all()
            found = next(iter(_read(connection, rows)), None)
    if found is None or not found.visible_to(user):
        raise NotFound(f"There is no board {key[:40]!r} that your role may see. See /boards.")
    return found


def card_of(found: Board, card_id: int) -> Card:
    """One card of a board.

    Raises
    ------
    NotFound
        If it is not there, or not any more.
    """
    for each in found.cards:
        if each.card_id == card_id:
            return each
    raise NotFound("This card is not on the board any more; reload the page")


def _read(connection: Connection, rows: Iterable[Any]) -> list[Board]:
    rows = list(rows)
    cards: dict[int, list[Card]] = {row.board_id: [] for row in rows}
    kept = connection.execute(
        select(board_card)
        .where(board_card.c.board_id.in_(cards), board_card.c.removed_at.is_(None))
        .order_by(board_card.c.board_id, board_card.c.place, board_card.c.card_id)
    )
    for row in kept:
        cards[row.board_id].append(_card(row))
    return [
        Board(
            key=f"{OWN}{row.board_id}",
            name=row.name,
            roles=tuple(row.roles),
            author=row.author,
            cards=tuple(cards[row.board_id]),
        )
        for row in rows
    ]


def _card(row: Any) -> Card:
    raw = msgspec.json.encode(row.question)
    try:
        question = read_saved(raw)
    except InvalidQuestion as problem:
        return Card(
            card_id=row.card_id, title=row.title, question=None, problem=problem.message,
            kept=raw.decode(),
        )  # fmt: skip
    return Card(card_id=row.card_id, title=row.title, question=question)


def _own_id(key: str) -> int:
    digits = key.removeprefix(OWN)
    if key.startswith(OWN) and digits.isascii() and digits.isdecimal() and len(digits) < 18:
        return int(digits)
    return 0


# ── making and changing ────────────────────────────────────────────────────────────────────────


def make_board(
    company: Company,
    *,
    name: str,
    roles: Iterable[str],
    author: User,
    questions: Iterable[SavedQuestion] = (),
) -> str:
    """A new board with these questions; returns its key.

    Raises
    ------
    InvalidInput
        If the name is empty or too long, a role does not exist, or a question has no answer.
    """
    name, roles, asked = _name(name), _roles(roles), tuple(questions)
    for each in asked:
        check_saved(each)
    with company.ledger.write() as connection:
        made = connection.execute(
            insert(board)
            .values(name=name, roles=roles, author=author.email, created_at=company.clock())
            .returning(board.c.board_id)
        )
        number = int(made.scalar_one())
        for place, each in enumerate(asked):
            _insert_card(connection, number, place, None, each)
        _note(company, connection, author, "board_made", f"{OWN}{number}")
    return f"{OWN}{number}"


def rename_board(
    company: Company, key: str, *, name: str, roles: Iterable[str], author: User
) -> Board:
    """Give a board another name, or show it to other roles; returns it as it was."""
    before = _changeable(company, key, author)
    values = {"name": _name(name), "roles": _roles(roles)}
    with company.ledger.write() as connection:
        connection.execute(update(board).where(board.c.board_id == _own_id(key)).values(**values))
        _note(company, connection, author, "board_changed", key)
    return before


def remove_board(company: Company, key: str, *, author: User) -> None:
    """Take a board away; `restore_board` brings it back."""
    _changeable(company, key, author)
    _mark_removed(company, key, author, at=company.clock())


def restore_board(company: Company, key: str, *, author: User) -> None:
    """Bring a removed board back.

    Raises
    ------
    NotFound
        If there is none that the user removed or may change.
    """
    with company.ledger.read() as connection:
        rows = connection.execute(select(board).where(board.c.board_id == _own_id(key))).all()
        found = _read(connection, rows)
    if not found or not found[0].changeable_by(author):
        raise NotFound(f"There is no board {key[:40]!r} to bring back")
    _mark_removed(company, key, author, at=None)


def _mark_removed(company: Company, key: str, author: User, *, at: datetime | None) -> None:
    with company.ledger.write() as connection:
        connection.execute(
            update(board).where(board.c.board_id == _own_id(key)).values(removed_at=at)
        )
        _note(company, connection, author, "board_removed" if at else "board_restored", key)


def add_card(
    company: Company,
    key: str,
    question: SavedQuestion,
    *,
    title: str | None = None,
    author: User,
) -> int:
    """Put a question at the end of a board; returns the card's id.

    Raises
    ------
    InvalidInput
        If the board is full.
    InvalidQuestion
        If the question has no answer.
    """
    check_saved(question)
    _check_room(_changeable(company, key, author))
    title = " ".join((title or "").split())[:80] or None
    with company.ledger.write() as connection:
        number = _own_id(key)
        company.ledger.lock(connection, "board")
        last = connection.scalar(
            select(func.max(board_card.c.place)).where(board_card.c.board_id == number)
        )
        return _insert_card(connection, number, 0 if last is None else last + 1, title, question)


def remove_card(company: Company, key: str, card_id: int, *, author: User) -> None:
    """Take a question off a board; `restore_card` puts it back where it was."""
    card_of(_changeable(company, key, author), card_id)
    _mark_card(company, key, card_id, at=company.clock())


def restore_card(company: Company, key: str, card_id: int, *, author: User) -> None:
    """Put a removed question back where it was; one that is there stays.

    Raises
    ------
    InvalidInput
        If the board is full.
    NotFound
        If the card never was on the board.
    """
    found = _changeable(company, key, author)
    if card_id not in (each.card_id for each in found.cards):
        _check_room(found)
    _mark_card(company, key, card_id, at=None)


def _mark_card(company: Company, key: str, card_id: int, *, at: datetime | None) -> None:
    with company.ledger.write() as connection:
        changed = connection.execute(
            update(board_card)
            .where(board_card.c.card_id == card_id, board_card.c.board_id == _own_id(key))
            .values(removed_at=at)
        )
    if not changed.rowcount:
        raise NotFound("This card was never on the board; reload the page")


def move_card(company: Company, key: str, card_id: int, *, later: bool, author: User) -> None:
    """Let a card change places with its neighbour; at the edge nothing changes."""
    found = _changeable(company, key, author)
    ids = [each.card_id for each in found.cards]
    place = ids.index(card_of(found, card_id).card_id)
    other = place + (1 if later else -1)
    if not 0 <= other < len(ids):
        return
    ids[place], ids[other] = ids[other], ids[place]
    _put_in_order(company, ids)


def order_cards(company: Company, key: str, card_ids: Sequence[int], *, author: User) -> None:
    """Put the cards of a board in this order.

    Raises
    ------
    InvalidInput
        If the ids are not those of the board's cards, each once.
    """
    found = _changeable(company, key, author)
    there = [each.card_id for each in found.cards]
    if sorted(card_ids) != sorted(there):
        raise InvalidInput(
            f"The order names each card of the board once; the board has {there}, "
            f"the order names {list(card_ids)[:MOST_CARDS]}"
        )
    _put_in_order(company, card_ids)


def _put_in_order(company: Company, card_ids: Sequence[int]) -> None:
    with company.ledger.write() as connection:
        for number, each in enumerate(card_ids):
            connection.execute(
                update(board_card).where(board_card.c.card_id == each).values(place=number)
            )


def _check_room(found: Board) -> None:
    if len(found.cards) >= MOST_CARDS:
        raise InvalidInput(f"A board holds at most {MOST_CARDS} questions; make another one")


def _changeable(company: Company, key: str, user: User) -> Board:
    found = find_board(company, key, user)
    if not found.changeable_by(user):
        raise NotAllowed("Only who made a board changes it; copy it to have one of your own")
    return found


def _insert_card(
    connection: Connection, number: int, place: int, title: str | None, question: SavedQuestion
) -> int:
    made = connection.execute(
        insert(board_card)
        .values(board_id=number, place=place, title=title, question=msgspec.to_builtins(question))
        .returning(board_card.c.card_id)
    )
    return int(made.scalar_one())


def _name(given: str) -> str:
    name = " ".join(given.split())
    if not 1 <= len(name) <= 80:
        raise InvalidInput("A board needs a name of 1 to 80 characters")
    return name


def _roles(given: Iterable[str]) -> list[str]:
    roles = list(dict.fromkeys(given))
    for role in roles:
        if role not in ROLES:
            raise InvalidInput(unknown("role", role, ROLES))
    return roles


def _note(company: Company, connection: Connection, by: User, action: str, key: str) -> None:
    connection.execute(
        insert(audit).values(at=company.clock(), actor=by.email, action=action, subject=key)
    )
