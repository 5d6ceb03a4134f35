"""A query: named steps in a restricted DuckDB dialect that other engines can read too.

The restrictions were learnt by running the same text on several engines: each forbidden form
either fails or, worse, answers differently somewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlglot
from msgspec import Struct, field
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from rapport.errors import InternalError


class Step(Struct, frozen=True, kw_only=False):
    """One named SELECT; it may read lake tables and the steps before it."""

    name: str
    sql: str


class Query(Struct, frozen=True, kw_only=True):
    """A chain of steps, whose last one is the answer, and the values bound to it as ``$name``."""

    steps: tuple[Step, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def tables(self) -> frozenset[str]:
        """The tables that the steps read and do not define themselves."""
        return frozenset(name for step in self.steps for name in _tables_of(step.sql)) - frozenset(
            step.name for step in self.steps
        )

    def sql(self, dialect: str = "duckdb", *, tables: Mapping[str, str] | None = None) -> str:
        """The whole query as one statement of ``dialect``.

        Parameters
        ----------
        dialect : str
            A SQLGlot dialect: "duckdb", "spark", "postgres", …
        tables : mapping of str to str, optional
            SQL that stands for each stored table; by default its bare name.
        """
        stored = [f"{name} AS NOT MATERIALIZED ({sql})" for name, sql in (tables or {}).items()]
        own = [f"{step.name} AS ({_translated(step.sql, dialect)})" for step in self.steps[:-1]]
        with_ = ",\n".join(stored + own)
        last = _translated(self.steps[-1].sql, dialect)
        return f"WITH {with_}\n{last}" if with_ else last


#: Written forms that fail or, worse, answer differently on some engine. ORDER BY without NULLS
#: is no danger: the translation writes out what DuckDB means by it.
_FORBIDDEN_TOKENS = {
    TokenType.DIV: "// differs between engines: use floor(a / b)",
    TokenType.MOD: "% differs between engines: use mod(a, b)",
    TokenType.TILDE: "~ differs between engines: use NOT or regexp_matches",
    TokenType.ARROW: "lambdas and JSON arrows are not portable",
}


@lru_cache(maxsize=2048)
def _parsed(sql: str) -> exp.Expr:
    mistakes = {
        _FORBIDDEN_TOKENS[token.token_type]
        for token in sqlglot.tokenize(sql, read="duckdb")
        if token.token_type in _FORBIDDEN_TOKENS
    }
    tree = sqlglot.parse_one(sql, read="duckdb")
    if any(tree.find_all(exp.ApproxDistinct, exp.ApproxQuantile)) or any(
        call.name.lower().startswith("approx_") for call in tree.find_all(exp.Anonymous)
    ):
        mistakes.add("approximate functions answer differently on each engine")
    if mistakes:
        raise InternalError(f"Query step outside the portable dialect: {sorted(mistakes)}: {sql}")
    return tree


@lru_cache(maxsize=2048)
def _tables_of(sql: str) -> frozenset[str]:
    tree = _parsed(sql)
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    return frozenset(table.name for table in tree.find_all(exp.Table)) - own


@lru_cache(maxsize=4096)
def _translated(sql: str, dialect: str) -> str:
    tree = _parsed(sql)
    if dialect == "duckdb":
        return sql
    return tree.sql(dialect=dialect)
