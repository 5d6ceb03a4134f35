"""One condition for any number of values: ``column`` is among thousands of keys.

An `IN` list has a parameter per value: SQLAlchemy compiles it anew for each length, and SQLite
takes only so many. As one parameter the statement stays the same, and is compiled once.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Text, bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine


class _Many(TypeDecorator[Any]):
    """Numbers or texts as one value: JSON for SQLite, an array for PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, *, numbers: bool) -> None:
        super().__init__()
        self.numbers = numbers

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            item = BigInteger() if self.numbers else Text()
            return dialect.type_descriptor(postgresql.ARRAY(item))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return value if dialect.name == "postgresql" else msgspec.json.encode(value).decode()


class _Among(FunctionElement[Any]):
    name = "among"
    # Not Boolean: SQLite has none, so that SQLAlchemy would write `… = 1`, which uses no index.
    type = NullType()
    inherit_cache = True


@compiles(_Among)
def _as_array(element: _Among, compiler: Any, **kw: Any) -> str:
    column, many = element.clauses
    return f"{compiler.process(column, **kw)} = ANY ({compiler.process(many, **kw)})"


@compiles(_Among, "sqlite")
def _as_json(element: _Among, compiler: Any, **kw: Any) -> str:
    column, many = element.clauses
    rows = f"SELECT value FROM json_each({compiler.process(many, **kw)})"  # noqa: S608
    return f"{compiler.process(column, **kw)} IN ({rows})"


def among(column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether ``column``, of whole numbers or of text, is one of ``values``.

    Parameters
    ----------
    column : ColumnElement
    values : collection of int or of str
        As the column stores them; none is also fine, and never true.
    """
    numbers = not isinstance(column.type, Text)
    return _Among(column, bindparam(None, list(values), type_=_Many(numbers=numbers), unique=True))
