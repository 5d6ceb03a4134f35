"""What companies state as people do, compared alike and weighed by itself.

A telephone of two companies proves something else than that of two people, so it is another matter,
with columns of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rapport.unify.matching.comparison import Column, Comparison, Level, RecordKind, Row

PREFIX = "company_"
_SIDE = re.compile(r"\b([lr])\.(?=\w)")


class _Own(Mapping[str, Any]):
    """A company's record under the names of a person's columns."""

    __slots__ = ("_row",)

    def __init__(self, row: Row) -> None:
        self._row = row

    def __getitem__(self, name: str) -> Any:
        return self._row[PREFIX + name]

    def __iter__(self) -> Iterator[str]:
        return (name.removeprefix(PREFIX) for name in self._row if name.startswith(PREFIX))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def of_companies(comparison: Comparison) -> Comparison:
    """The same comparison of companies' records: each name begins with ``company_``."""
    return Comparison(
        name=PREFIX + comparison.name,
        inputs=comparison.inputs,
        columns=tuple(Column(name=PREFIX + c.name, type=c.type) for c in comparison.columns),
        read=comparison.read,
        said=tuple(PREFIX + name for name in comparison.said),
        levels=tuple(_level(level) for level in comparison.levels),
        of=RecordKind.COMPANY,
    )


def _level(level: Level) -> Level:
    return Level(
        key=level.key,
        sql=_SIDE.sub(rf"\1.{PREFIX}", level.sql),
        holds=_holds(level.holds),
        rarity=PREFIX + level.rarity if level.rarity else "",
    )


def _holds(of_people: Callable[[Row, Row], bool]) -> Callable[[Row, Row], bool]:
    def holds(a: Row, b: Row) -> bool:
        return of_people(_Own(a), _Own(b))

    return holds
