"""How the columns of somebody's database are read, whatever their types and oddities.

One odd value must not keep a table from being read: a date of a year that no calendar has, a number
without bounds, a word in SQLite's column of numbers. Columns of types that any reader knows stay
as they are; all others come as the text that the database's driver makes of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import types

from rapport.errors import InvalidInput

#: Drivers for URLs that name none and whose usual one we do not bring.
_DRIVERS = {"mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
#: Digits that Arrow's decimals hold, and those behind the point where a database states none.
_DIGITS = 38
_SCALE = 9
_STEP = Decimal(1).scaleb(-_SCALE)
_LARGEST = Decimal(10) ** (_DIGITS - _SCALE)
_EXACTLY = Context(prec=_DIGITS)


def with_driver(url: str) -> str:
    """The URL with PyMySQL for MySQL and MariaDB where it names no driver."""
    dialect, mark, rest = url.partition("://")
    return f"{_DRIVERS.get(dialect, dialect)}{mark}{rest}"


class AsText(types.TypeDecorator[str]):
    """Any value as text; objects and lists as JSON, bytes in hexadecimal."""

    impl = types.Text
    cache_ok = True

    def __init__(self, read_as: types.TypeEngine[Any] | None = None) -> None:
        super().__init__()
        if read_as is not None:
            self.impl = self.impl_instance = read_as  # type: ignore[assignment]

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else _as_text(value)

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        return value


def _as_text(value: Any) -> str:
    match value:
        case str():
            return value
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            # Digits of a key say nothing behind the point: 17850, not 17850.000.
            return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
        case timedelta():
            minutes, seconds = divmod(int(value.total_seconds()), 60)
            return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
        case dict() | list() | tuple():
            return msgspec.json.encode(value, enc_hook=str).decode()
        case _:
            return str(value)


class _Bounded(types.TypeDecorator[Decimal]):
    """A cursor of no stated size, which must keep its order: nine digits behind the point."""

    impl = types.Numeric
    cache_ok = True

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:
        if value is None:
            return None
        number = Decimal(value) if not isinstance(value, float) else Decimal(repr(value))
        if not number.is_finite() or abs(number) >= _LARGEST:
            return None
        return number.quantize(_STEP, context=_EXACTLY)


class _Real(types.TypeDecorator[Any]):
    """Moments and days that a calendar has: MySQL's ``0000-00-00`` comes as a text, and is none."""

    impl = types.DateTime
    cache_ok = True

    def __init__(self, read_as: types.TypeEngine[Any]) -> None:
        super().__init__()
        self.impl = self.impl_instance = read_as  # type: ignore[assignment]

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        return None if isinstance(value, str | bytes) else value


class _Finite(types.TypeDecorator[Any]):
    """Moments and days but PostgreSQL's ``infinity``, which Python's types cannot hold."""

    impl = types.DateTime
    cache_ok = True

    def __init__(self, read_as: types.TypeEngine[Any]) -> None:
        super().__init__()
        self.impl = self.impl_instance = read_as  # type: ignore[assignment]

    def column_expression(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.case((sa.func.isfinite(column), column), else_=None)


def readable(url: str, cursor: str | None) -> Callable[[sa.Table], sa.Table]:
    """What changes a table as the database describes it, so that each of its columns can be read.

    Parameters
    ----------
    cursor : str, optional
        The column by which newer rows are asked for.

    Raises
    ------
    InvalidInput
        By the function that is returned, if the table has no such column.
    """
    dialect = sa.make_url(url).get_backend_name()

    def change(table: sa.Table) -> sa.Table:
        names = [column.name for column in table.columns]
        if cursor is not None and cursor not in names:
            known = ", ".join(names)
            raise InvalidInput(f"The table has no column {cursor!r} for `cursor`; it has: {known}")
        for column in table.columns:
            column.type = _readable(column.type, dialect, is_cursor=column.name == cursor)
            # A value that is left out here is empty, whatever the database says of its column.
            column.nullable = True
        return table

    return change


def _readable(kind: types.TypeEngine[Any], dialect: str, *, is_cursor: bool) -> Any:
    if dialect == "sqlite":
        # Its columns hold whatever was put there, so no type of theirs is certain.
        certain = isinstance(kind, types.Integer) and is_cursor
        return types.BigInteger() if certain else AsText(types.NullType())
    if isinstance(kind, types.Boolean):
        return kind
    if isinstance(kind, types.Enum | types.Time) or kind.__visit_name__ == "SET":
        return AsText(types.NullType())
    if isinstance(kind, types.Float):
        return types.Float(asdecimal=False)
    if isinstance(kind, types.BigInteger) and getattr(kind, "unsigned", False):
        return types.Numeric(20, 0)
    if isinstance(kind, types.Integer):
        return kind
    if isinstance(kind, types.Numeric):
        bounded = kind.precision is not None and kind.precision <= _DIGITS
        if bounded and kind.asdecimal:
            return kind
        return _Bounded() if is_cursor else AsText(types.Numeric())
    if isinstance(kind, types.DateTime | types.Date):
        if dialect in ("mysql", "mariadb"):
            return _Real(kind)
        return _Finite(kind) if dialect == "postgresql" else kind
    if isinstance(kind, types.String | types.LargeBinary) or kind._is_type_decorator:
        return kind
    return AsText(kind)


def told_type(kind: types.TypeEngine[Any]) -> types.TypeEngine[Any] | None:
    """The type that dlt is told of a column: what our own types give."""
    if isinstance(kind, AsText):
        return types.Text()
    if isinstance(kind, _Bounded):
        return types.Numeric(_DIGITS, _SCALE)
    if isinstance(kind, _Real | _Finite):
        return kind.impl_instance
    return kind
