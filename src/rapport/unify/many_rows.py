"""Writing thousands of rows with one statement, values as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.sql.dml import UpdateBase


def write_many(
    connection: Connection,
    statement: UpdateBase,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Run ``statement`` once per row.

    SQLAlchemy would make a dictionary per row and convert each value; for a batch of identity that
    costs more than the database does. The values are therefore given as stored: times as
    microseconds.

    Parameters
    ----------
    statement : insert or update
        Its parameters are ``names``: columns of an insert, bound names of an update.
    rows : sequence of tuples, in the order of ``names``
        Sorted by key, so that pages are written once and two writers cannot deadlock.
    """
    if not rows:
        return
    compiled = statement.compile(dialect=connection.dialect, column_keys=_columns(statement, names))
    order = getattr(compiled, "positiontup", None)
    parameters: list[Any]
    if order is None:
        parameters = [dict(zip(names, row, strict=True)) for row in rows]
    elif list(order) == list(names):
        parameters = list(rows)
    else:
        parameters = list(map(itemgetter(*(names.index(name) for name in order)), rows))
    connection.exec_driver_sql(str(compiled), parameters)


def _columns(statement: UpdateBase, names: Sequence[str]) -> list[str] | None:
    return list(names) if statement.is_insert else None
