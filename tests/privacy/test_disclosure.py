"""Attacks on tables: no hidden cell is found from what is shown and the totals on all sides."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from rapport.privacy.disclosure import SMALLEST_GROUP, hidden_cells, hidden_parts

SHAPES = st.sampled_from(
    [(2,), (6,), (3, 4), (5, 2), (7, 6), (2, 3, 4), (1, 5), (3, 1, 4), (12, 3)]
)
TABLES = SHAPES.flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.sampled_from([0, 0, 1, 3, 4, 5, 6, 40, 900]))
)


def recovered(hidden: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Hidden cells that follow from the totals of all lines and the cells that are shown.

    Each total less the shown cells of its line is one equation in the hidden ones; a cell follows
    if its unit vector lies in the space of the equations.
    """
    cells = [tuple(int(i) for i in cell) for cell in np.argwhere(hidden)]
    if not cells:
        return []
    equations = set()
    for axis, length in enumerate(hidden.shape):
        if length > 1:  # a line of one cell is that cell's own total, which is hidden as it is
            for cell in cells:
                line = tuple(
                    i
                    for i, other in enumerate(cells)
                    if all(
                        a == b
                        for k, (a, b) in enumerate(zip(cell, other, strict=True))
                        if k != axis
                    )
                )
                equations.add(line)
    matrix = np.zeros((len(equations), len(cells)))
    for row, line in enumerate(sorted(equations)):
        matrix[row, list(line)] = 1
    rank = np.linalg.matrix_rank(matrix) if equations else 0
    unit = np.eye(len(cells))
    return [
        cell
        for i, cell in enumerate(cells)
        if equations and np.linalg.matrix_rank(np.vstack([matrix, unit[i]])) == rank
    ]


@given(TABLES)
@settings(max_examples=150, deadline=None)
def test_no_hidden_cell_follows_from_the_totals(people: NDArray[np.int64]) -> None:
    hidden = hidden_cells(people)
    small = (people > 0) & (people < SMALLEST_GROUP)
    assert (hidden | ~small).all()
    assert recovered(hidden) == []


def test_the_attack_finds_what_plain_hiding_leaves_open() -> None:
    people = np.array([[3, 50, 60], [40, 30, 20]])
    assert recovered((people > 0) & (people < SMALLEST_GROUP)) == [(0, 0)]


@given(TABLES)
@settings(max_examples=150, deadline=None)
def test_what_is_hidden_of_a_line_is_a_group_or_all_of_it(people: NDArray[np.int64]) -> None:
    hidden = hidden_cells(people)
    for axis in range(people.ndim):
        lines = zip(
            np.moveaxis(hidden, axis, -1).reshape(-1, people.shape[axis]),
            np.moveaxis(people, axis, -1).reshape(-1, people.shape[axis]),
            strict=True,
        )
        for dark, sizes in lines:
            if dark.any():
                assert sizes[dark].max() >= SMALLEST_GROUP or not sizes[~dark].any()


@given(TABLES)
@settings(max_examples=100, deadline=None)
def test_asking_for_one_value_at_a_time_tells_no_more(people: NDArray[np.int64]) -> None:
    hidden = hidden_cells(people)
    for axis in range(people.ndim):
        length = people.shape[axis]
        if length < 2:
            continue
        for value in range(length):
            kept = np.arange(length) == value
            alone = hidden_parts(hidden, axis, kept)
            assert (alone == np.take(hidden, value, axis=axis)).all()
            # Leaving one value out is asking for it: the total tells the rest.
            assert (hidden_parts(hidden, axis, ~kept) == alone).all()


def test_what_a_table_hides_by_country_is_hidden_by_country_and_channel() -> None:
    random = np.random.default_rng(4)
    for _ in range(50):
        people = random.integers(8, 60, (5, 4))
        people[2] = [2, 1, 0, 0]
        by_country = hidden_cells(people.sum(axis=1))
        both = hidden_cells(people)
        # Each hidden total has a hidden part: it cannot be added up.
        assert both[by_country].any(axis=1).all()


def test_large_groups_are_all_shown_and_nobody_is_no_group() -> None:
    assert not hidden_cells(np.array([[5, 0], [900, 12]])).any()
