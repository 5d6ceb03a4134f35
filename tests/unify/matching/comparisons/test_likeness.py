"""Our numbers for likeness are DuckDB's, whatever the script."""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pytest

from rapport.unify.matching.comparisons.likeness import (
    edits,
    is_near,
    is_near_sql,
    is_slip,
    is_slip_sql,
    similarity,
)


def _pairs(alphabet: str) -> list[tuple[str, str]]:
    draw = random.Random(alphabet)  # noqa: S311
    pairs = []
    for _ in range(1_500):
        one = "".join(draw.choice(alphabet) for _ in range(draw.randint(1, 14)))
        other = list(one)
        for _ in range(draw.randint(0, 3)):
            i = draw.randrange(len(other) + 1)
            other[i : i + draw.randint(0, 1)] = draw.choice(alphabet)
            j = draw.randrange(len(other))
            other[j : j + 2] = other[j : j + 2][::-1]
        pairs.append((one, "".join(other) or draw.choice(alphabet)))
    return pairs


@pytest.mark.parametrize("alphabet", ["abcdeinst", "aáeéóőűß ", "王杰張a", "🎉é1 ", "ab"])
def test_similarity_and_distance_are_those_of_duckdb(alphabet: str) -> None:
    pairs = _pairs(alphabet)
    table = pa.table({"l": [a for a, _ in pairs], "r": [b for _, b in pairs]})
    with duckdb.connect() as connection:
        connection.register("pairs", table)
        rows = connection.execute(
            "select jaro_winkler_similarity(l, r), damerau_levenshtein(l, r),"
            f" {is_slip_sql('l', 'r')} from pairs"
        ).fetchall()
    assert [(edits(a, b), is_slip(a, b)) for a, b in pairs] == [row[1:] for row in rows]
    # The two add up in another order: no threshold may lie where a similarity can.
    duckdb_s = pytest.approx([row[0] for row in rows], abs=1e-12)
    assert [similarity(a, b) for a, b in pairs] == duckdb_s
    assert [similarity(b, a) for a, b in pairs] == duckdb_s
    assert {row[2] for row in rows} == {True, False}


@pytest.mark.parametrize("least", [0.86, 0.88, 0.9, 0.805, 0.8742857142857143])
def test_a_threshold_that_a_similarity_meets_exactly_is_met_in_both(least: float) -> None:
    pairs = [pair for alphabet in ("ab", "abc") for pair in _pairs(alphabet)]
    pairs = [(a, b) for a, b in pairs if abs(similarity(a, b) - least) < 1e-6] or pairs[:50]
    table = pa.table({"l": [a for a, _ in pairs], "r": [b for _, b in pairs]})
    with duckdb.connect() as connection:
        connection.register("pairs", table)
        rows = connection.execute(f"select {is_near_sql('l', 'r', least)} from pairs").fetchall()
    assert [(is_near(a, b, least),) for a, b in pairs] == rows


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("martha", "marhta", 0.9611),  # Winkler (1990)
        ("dwayne", "duane", 0.84),
        ("dixon", "dicksonx", 0.8133),
    ],
)
def test_similarity_gives_the_published_numbers(one: str, other: str, expected: float) -> None:
    assert similarity(one, other) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("peeters", "peetesr", True),
        ("peeters", "peters", True),
        ("peeters", "pieters", True),
        ("vandenberghe", "vandenbrghee", True),  # two slips in a long word
        ("peeters", "pietres", False),
        ("jan", "jon", False),
        ("kovacs", "kovacs", True),
        ("kovacs", "takacs", False),
    ],
)
def test_a_slip_is_one_letter_in_a_word_long_enough(one: str, other: str, expected: bool) -> None:
    assert is_slip(one, other) is expected
