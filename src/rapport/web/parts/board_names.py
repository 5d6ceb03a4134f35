"""What boards are called."""

from __future__ import annotations

from rapport.web.parts.context import PageContext
from rapport.workflows.boards import Board


def board_name(context: PageContext, board: Board) -> str:
    """Its own name, or our words for a ready-made one."""
    return board.name or context.t(f"boards.ready.{board.key}")
