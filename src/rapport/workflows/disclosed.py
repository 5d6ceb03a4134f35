"""Answers as they may be shown: cells of too few people hidden, and what would give them away.

A question with filters is judged as a part of the table that is split by them, and one about a
segment beside all who are not of it, so that asking again in another way tells no more. What two
questions about different days, or as known at different moments, tell together is not looked at:
decision 0028 says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from rapport.engines.lake.store import digest
from rapport.errors import InvalidQuestion
from rapport.privacy.disclosure import hidden_cells, hidden_parts
from rapport.understand.answer import Answer
from rapport.understand.metrics.base import Metric
from rapport.understand.question import Question, check_question

Ask: TypeAlias = Callable[[Question], Answer]
Key: TypeAlias = tuple[Any, ...]
Sides: TypeAlias = tuple[tuple[Any, ...], ...]
People: TypeAlias = NDArray[np.int64]

#: Cells of the table that is judged, those included that nobody stands behind.
_MAX_GRID = 5_000_000


class Disclosed(Struct, frozen=True, kw_only=True):
    """An answer without what may not be shown.

    Attributes
    ----------
    rows : list of dict
        As `Answer.rows`; in a hidden cell value, counts and margin are None. A combination that
        nobody stands behind is there, too, where it hides another.
    hidden : dict of str to tuple of bool
        Per metric, whether the cell of each row is hidden.
    digest : str
        Of what is shown.
    """

    rows: list[dict[str, Any]]
    hidden: dict[str, tuple[bool, ...]]
    digest: str


def disclose(question: Question, ask: Ask) -> Disclosed:
    """The answer to a question with what may not be shown left out.

    Parameters
    ----------
    ask : callable
        Gives the exact answer, from memory where it can.

    Raises
    ------
    InvalidQuestion
        If the question, or the table that it is a part of, has too many cells.
    """
    check_question(question)
    question = replace(question, count_people=True)
    found = ask(question)
    dark = _hidden(question, found, ask)
    sides = ("period", *question.dimensions)
    rows = {tuple(row[side] for side in sides): row for row in found.rows()}
    of_period = {key[0]: row for key, row in rows.items()}
    for key in set().union(*dark.values()) - set(rows):
        same = of_period[key[0]]
        kept = {name: same[name] for name in ("period_start", "complete")}
        rows[key] = dict.fromkeys(same) | kept | dict(zip(sides, key, strict=True))
    keys = sorted(rows, key=_unknown_last)
    for metric in question.defined_metrics():
        parts = [metric.name, *(f"{metric.name}_{part}" for part in ("n", "people", "margin"))]
        for key in dark.get(metric.relation, ()):
            rows[key] |= {part: None for part in parts if part in rows[key]}
    ordered = [rows[key] for key in keys]
    return Disclosed(
        rows=ordered,
        hidden={
            metric.name: tuple(key in dark.get(metric.relation, ()) for key in keys)
            for metric in question.defined_metrics()
        },
        digest=digest(pa.Table.from_pylist(ordered, found.table.schema)),
    )


def disclose_each(question: Question, ask: Ask) -> list[dict[str, Any]]:
    """Several metrics without splits, each judged as if it had been asked for alone.

    Where a page shows many figures side by side, the few behind one of them need not hide the
    others. The same queries answer all of them.

    Parameters
    ----------
    question : Question
        Without dimensions.
    ask : callable
        Gives the exact answer, from memory where it can.

    Returns
    -------
    list of dict
        As `Answer.rows`, with ``<metric>_hidden`` beside each metric; where it is true, value,
        count and margin are None.
    """
    if question.dimensions:
        raise InvalidQuestion("Only figures without splits are judged one by one; leave them out")

    def together(asked: Question) -> Answer:
        return replace(ask(replace(asked, metrics=question.metrics)), question=asked)

    rows: list[dict[str, Any]] = []
    for name in question.metrics:
        found = disclose(replace(question, metrics=(name,)), together)
        if not rows:
            sides = ("period", "period_start", "complete")
            rows = [{side: row[side] for side in sides} for row in found.rows]
        own = [f"{name}{part}" for part in ("", "_n", "_people", "_margin")]
        for row, whole, hidden in zip(rows, found.rows, found.hidden[name], strict=True):
            row |= {part: whole[part] for part in own if part in whole}
            row[f"{name}_hidden"] = hidden
    return rows


def _hidden(question: Question, found: Answer, ask: Ask) -> dict[str, set[Key]]:
    """Per relation, the keys (period and splits) of the cells that are not shown.

    Metrics of the same rows are hidden together: revenue follows from orders and their mean.
    """
    filtered = tuple(dict.fromkeys(each.dimension for each in question.filters))
    more = tuple(name for name in filtered if name not in question.dimensions)
    whole = replace(question, filters=(), dimensions=(*question.dimensions, *more))
    table = ask(whole) if filtered else found
    sides = _sides([table, found], whole.dimensions)
    own_sides = sides[: 1 + len(question.dimensions)]
    wider = [ask(each) for each in _wider(question)]
    hidden: dict[str, set[Key]] = {}
    for relation in {metric.relation for metric in question.defined_metrics() if of_people(metric)}:
        metrics = [each for each in question.defined_metrics() if each.relation == relation]
        sizes = _groups(found, metrics, own_sides)
        for answer in wider:
            sizes = _with_those_beside(sizes, answer, question, metrics, own_sides)
        dark = hidden_cells(sizes)
        if filtered:
            judged = hidden_cells(_groups(table, metrics, sides))
            dark |= _narrowed(judged, question, whole.dimensions, sides)
        hidden[relation] = {
            tuple(side[place] for side, place in zip(own_sides, cell, strict=True))
            for cell in np.argwhere(dark).tolist()
        }
    return hidden


def of_people(metric: Metric) -> bool:
    """Whether people stand behind a metric; spending is the company's own."""
    return metric.relation != "acquisitions"


def _unknown_last(key: Key) -> tuple[tuple[bool, Any], ...]:
    return tuple((value is None, "" if value is None else value) for value in key)


def _wider(question: Question) -> list[Question]:
    """The questions about everybody, of whom this one leaves some out by a segment's rule."""
    wider = []
    if question.segment is not None:
        wider.append(replace(question, segment=None))
    if "segment" in question.dimensions:
        others = tuple(name for name in question.dimensions if name != "segment")
        wider.append(replace(question, dimensions=others, segments=()))
    return wider


def _sides(tables: Sequence[Answer], dimensions: tuple[str, ...]) -> Sides:
    """The values along each side: those of the first table, and what only another has."""
    found = []
    for name in ("period", *dimensions):
        columns = [each.table[name] for each in tables if name in each.table.column_names]
        values = dict.fromkeys(value for column in columns for value in column.unique().to_pylist())
        found.append(tuple(values))
    if math.prod(map(len, found)) > _MAX_GRID:
        raise InvalidQuestion(
            "Too many combinations to see which groups are too small to be shown: split by less, "
            "filter on less, or ask for a longer grain."
        )
    return tuple(found)


def _groups(answer: Answer, metrics: Sequence[Metric], sides: Sides) -> People:
    """How many people stand behind each cell, by the metric that has fewest; 0: nobody."""
    names = ("period", *answer.question.dimensions)
    places = []
    for name, side in zip(names, sides, strict=True):
        place_of = {value: place for place, value in enumerate(side)}
        encoded = answer.table[name].combine_chunks().dictionary_encode()
        chosen = [place_of[value] for value in encoded.dictionary.to_pylist()]
        # A missing value has no index of its own in Arrow's encoding.
        indices = encoded.indices.to_numpy(zero_copy_only=False)
        known = np.nan_to_num(indices, nan=len(chosen)).astype(np.int64)
        places.append(np.array([*chosen, place_of.get(None, -1)])[known])
    people: People = np.zeros([len(side) for side in sides], np.int64)
    for metric in metrics:
        counted = answer.table[f"{metric.name}_people"].to_numpy()
        seen = answer.table[f"{metric.name}_n"].to_numpy()
        # Among the people of the rows, those with an observation: at most as many as there are.
        own = np.where(seen > 0, np.minimum(counted, seen), counted)
        before = people[tuple(places)]
        least = np.where(before > 0, np.where(own > 0, np.minimum(before, own), before), own)
        people[tuple(places)] = least
    return people


def _with_those_beside(
    sizes: People, wider: Answer, question: Question, metrics: Sequence[Metric], sides: Sides
) -> People:
    """Groups as small as those who are left out of them: they are the wider group less this one."""
    places = [0, *(place for place, name in enumerate(question.dimensions, 1)
                   if name in wider.question.dimensions)]  # fmt: skip
    every = _sides([wider], wider.question.dimensions)
    shared = tuple(
        tuple(dict.fromkeys((*sides[place], *side)))
        for place, side in zip(places, every, strict=True)
    )
    everybody = _groups(wider, metrics, shared)
    everybody = everybody[tuple(slice(len(sides[place])) for place in places)]
    for axis in range(sizes.ndim):
        if axis not in places:
            everybody = np.expand_dims(everybody, axis)
    beside = everybody - sizes
    found: People = np.where((sizes > 0) & (beside > 0), np.minimum(sizes, beside), sizes)
    return found


def _narrowed(
    dark: NDArray[np.bool_], question: Question, dimensions: tuple[str, ...], sides: Sides
) -> NDArray[np.bool_]:
    """The hidden cells of a table that is narrowed by the question's filters."""
    for axis in reversed(range(1, len(sides))):
        kept = np.ones(len(sides[axis]), bool)
        for each in question.filters:
            if each.dimension == dimensions[axis - 1]:
                among = np.array([value in each.values for value in sides[axis]])
                kept &= among != each.exclude
        if axis > len(question.dimensions):
            dark = hidden_parts(dark, axis, kept)
        else:
            dark = dark & np.expand_dims(kept, tuple(i for i in range(dark.ndim) if i != axis))
    return dark
