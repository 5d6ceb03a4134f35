import datetime as dt

import numpy as np
import pytest
from msgspec.structs import replace

from rapport.errors import InvalidInput
from rapport.unify.matching.standardise import LONGEST_VALUE, read_row, standardise
from tests.unify.matching.invented import people, stated
from tests.unify.matching.simple_comparisons import BIRTH, EMAIL, NAME, SIMPLE


def test_each_distinct_statement_is_read_once():
    asked = []

    def read(*values):
        asked.append(values)
        return NAME.read(*values)

    table = stated(first_name=["Jan", "Jan", "Els", None], last_name=["Maes", "Maes", "Maes", None])
    standardise(table, [replace(NAME, read=read)])
    assert sorted(asked) == [(None, "Els", "Maes"), (None, "Jan", "Maes")]


def test_rows_hold_what_was_read_and_nothing_where_nothing_was_said():
    table = stated(name=["Jan Maes", None], birthday=["1970-03-01", "yesterday"])
    first, second = standardise(table, [NAME, BIRTH]).rows()
    assert first == {
        "name_words": ["jan", "maes"],
        "name_full": "jan maes",
        "birth": dt.date(1970, 3, 1),
    }
    assert second == {"name_words": None, "name_full": None, "birth": None}


def test_one_record_reads_as_it_does_among_many():
    table, _ = people(20)
    together = list(standardise(table, SIMPLE).rows())
    alone = [read_row(record, SIMPLE) for record in table.to_pylist()]
    assert together == alone


def test_blank_text_says_nothing_and_endless_text_is_cut():
    table = stated(email=["  ", "x" * 10_000])
    readings = standardise(table, [EMAIL]).readings[0]
    assert readings.codes.tolist() == [-1, 0]
    assert len(readings.values["email"][0].as_py()) == LONGEST_VALUE


def test_no_records_have_no_readings():
    found = standardise(stated(email=[]), SIMPLE)
    assert found.n_records == 0
    assert found.table().num_rows == 0


def test_a_column_that_no_comparison_knows_is_refused_by_name():
    with pytest.raises(InvalidInput, match="shoe_size"):
        standardise(stated(shoe_size=["42"]), SIMPLE)


def test_readings_that_lack_what_a_comparison_needs_are_marked():
    only_words = replace(NAME, said=("name_full",), read=lambda *_: (["a"], None))
    readings = standardise(stated(name=["A"]), [only_words]).readings[0]
    assert readings.codes.tolist() == [0]
    assert not np.any(readings.says)
